/* One large artifact on its way up (docs/network.md 4.2): init, parts side by side from the file, complete.
 */
#ifndef STORED_MULTIPART_UPLOAD_H
#define STORED_MULTIPART_UPLOAD_H

#include "services/stored/artifact_file.h"
#include "services/stored/domain_request.h"
#include "services/stored/multipart_abort.h"
#include "services/stored/transfer_meter.h"

#include <stdbool.h>
#include <stddef.h>

enum { MULTIPART_UPLOAD_CONCURRENCY_MAX = 16 };

struct multipart_upload;

struct multipart_upload_result {
    const char *id; /* the stored data's; NULL when the upload did not succeed */
    size_t part_count;
    bool unsupported;   /* the server has no multipart: use the small form */
    bool maybe_stored;  /* `complete` was refused, but an earlier try of it may have been taken */
    struct error error; /* when `id` is NULL and not `unsupported` */
};

/* The upload is gone by then. */
typedef void multipart_upload_done(void *context, const struct multipart_upload_result *result);

struct multipart_upload_spec {
    struct domain_access *access;     /* borrowed */
    struct multipart_aborts *aborts;  /* borrowed */
    const struct artifact_file *file; /* borrowed, not empty */
    const char *data_path;            /* api/v1/domains/{domain}/data; this and the names are copied */
    const char *name;
    const char *data_type;
    const char *existing_id; /* NULL: create */
    size_t concurrency;
    struct transfer_meter *meter; /* borrowed; may be NULL */
    multipart_upload_done *on_done;
    void *context;
};

struct multipart_upload *multipart_upload_start(const struct multipart_upload_spec *spec);

/* Without on_done; the server is told when it knows of the upload. NULL is harmless. */
void multipart_upload_cancel(struct multipart_upload *upload);

#endif
