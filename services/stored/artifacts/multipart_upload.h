/*
 * One large artifact on its way up (docs/network.md 4.2): init, parts side by side from the file, complete.
 * How far it is stands in the journal, so that it can be resumed after stored was killed. The file may still
 * be written: full parts go up meanwhile.
 */
#ifndef STORED_ARTIFACTS_MULTIPART_UPLOAD_H
#define STORED_ARTIFACTS_MULTIPART_UPLOAD_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/artifacts/multipart_abort.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/journal/journal.h"
#include "services/stored/transfers/transfer_meter.h"

#include <stdbool.h>
#include <stddef.h>

enum { MULTIPART_UPLOAD_CONCURRENCY_MAX = 16 }; /* the limit of UPLOAD_CONCURRENCY */

struct multipart_upload;

struct multipart_upload_result {
    const char *id; /* the stored data's; NULL when the upload did not succeed */
    size_t part_count;
    bool unsupported;   /* the server has no multipart: use the small form */
    bool maybe_stored;  /* `complete` was refused, but an earlier try of it may have been taken */
    bool forgotten;     /* the server does not know the upload any more: begin anew */
    struct error error; /* when `id` is NULL */
};

/* The upload is gone by then. */
typedef void multipart_upload_done(void *context, const struct multipart_upload_result *result);

/* All is borrowed until the end. */
struct multipart_upload_spec {
    struct domain_access *access;
    struct multipart_aborts *aborts;
    const struct artifact_file *file; /* not empty */
    bool whole;                       /* the file is complete; else multipart_upload_extend() tells more */
    struct journal_upload_key journal;
    const char *data_path; /* api/v1/domains/{domain}/data */
    const char *name;
    const char *data_type;
    const char *existing_id;      /* NULL: create */
    size_t concurrency;           /* 1 to MULTIPART_UPLOAD_CONCURRENCY_MAX */
    struct transfer_meter *meter; /* may be NULL */
    struct pacer_share *share;    /* of the transfer; borrowed */
    multipart_upload_done *on_done;
    void *context;
};

/* `on_done` comes in a later turn. */
struct multipart_upload *multipart_upload_start(const struct multipart_upload_spec *spec);

/* Resumes what the journal has; `found` is not used after the call. */
struct multipart_upload *multipart_upload_resume(const struct multipart_upload_spec *spec,
                                                 const struct journal_upload *found);

/* The file has grown, or is `whole` now. May end the upload, by on_done. */
void multipart_upload_extend(struct multipart_upload *upload, bool whole);

/* Without on_done; the server is told when it knows of the upload. NULL is harmless. */
void multipart_upload_cancel(struct multipart_upload *upload);

/* Without on_done, and the server keeps the parts: it is resumed by the next stored. NULL is harmless. */
void multipart_upload_drop(struct multipart_upload *upload);

#endif
