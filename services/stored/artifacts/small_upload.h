/* One artifact on its way up in one request (docs/network.md 4.2, "Small"). */
#ifndef STORED_ARTIFACTS_SMALL_UPLOAD_H
#define STORED_ARTIFACTS_SMALL_UPLOAD_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/transfers/transfer_meter.h"

#include <stdint.h>

struct small_upload;

/* The id of the stored data, or why there is none. The upload is gone by then. */
typedef void small_upload_done(void *context, const char *id, const struct error *failure);

/* All is borrowed until the end. */
struct small_upload_spec {
    struct domain_access *access;
    const struct artifact_file *file;
    const char *data_path; /* api/v1/domains/{domain}/data */
    const char *name;
    const char *data_type;
    const char *id;               /* of the data to replace; NULL: create */
    struct transfer_meter *meter; /* NULL: nobody counts */
    struct pacer_share *share;    /* of the transfer; borrowed */
    small_upload_done *on_done;
    void *context;
};

struct small_upload *small_upload_start(const struct small_upload_spec *spec);

/* What the request's body has, its framing included. */
int64_t small_upload_request_bytes(const struct small_upload_spec *spec);

/* Without on_done. NULL is harmless. */
void small_upload_cancel(struct small_upload *upload);

#endif
