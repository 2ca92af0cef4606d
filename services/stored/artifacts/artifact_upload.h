/*
 * One file on its way to the domain server (docs/network.md 4.2): finds out what is there, chooses between
 * one request and multipart, and falls back from the one to the other when the server wants that.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_UPLOAD_H
#define STORED_ARTIFACTS_ARTIFACT_UPLOAD_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/artifacts/multipart_abort.h"
#include "services/stored/artifacts/upload_info.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/journal/journal.h"
#include "services/stored/transfers/transfers.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct artifact_upload;

/* What all uploads of stored share; all is borrowed. */
struct upload_policy {
    struct multipart_aborts *aborts;
    struct upload_info_cache *infos;
    int64_t multipart_min_bytes;
    size_t concurrency; /* parts of one artifact in flight */
};

/* What all uploads of a task share; all is borrowed. */
struct upload_setup {
    const struct upload_policy *policy;
    struct domain_access *access;
    struct journal *journal;
    struct transfers *transfers;
    const char *task_id;
    const char *data_path; /* data_path_of_domain() */
};

/* Once, in a later turn: the id of the stored data, or why there is none. Of success `file` tells what was
 * stored; it is borrowed. The upload is gone after the function. */
struct artifact_upload_result {
    const char *id;
    const struct error *failure;
    const struct artifact_file *file;
};
typedef void artifact_upload_done(void *context, const struct artifact_upload_result *result);

struct artifact_upload_spec {
    const struct upload_setup *setup; /* borrowed until the end, as is the name */
    const struct artifact_name *name;
    const char *existing_id; /* NULL: it is looked up by name and type */
    bool streamed;           /* the file is still being written */
    bool transient;          /* the file was made for this upload alone: another one each time */
    artifact_upload_done *on_done;
    void *context;
};

/* Takes `file`. */
struct artifact_upload *artifact_upload_start(const struct artifact_upload_spec *spec,
                                              const struct artifact_file *file);

/*
 * A streamed file has `length_bytes` by now; `whole`: it gets no more. False when the file says otherwise:
 * the upload goes on as before.
 */
bool artifact_upload_announce(struct artifact_upload *upload, int64_t length_bytes, bool whole,
                              struct error *error);

/* Borrowed. */
const struct artifact_file *artifact_upload_file(const struct artifact_upload *upload);
bool artifact_upload_is_streamed(const struct artifact_upload *upload);

/* Without on_done; the server is told when it knows of a multipart upload. NULL is harmless. */
void artifact_upload_cancel(struct artifact_upload *upload);

/* Without on_done, and the server keeps what it has: the next stored resumes it. NULL is harmless. */
void artifact_upload_drop(struct artifact_upload *upload);

#endif
