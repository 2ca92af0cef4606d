/*
 * The artifacts of one session: what is stored, and the uploads that are under way. artifact_put.h and
 * artifact_stream.h are what runners ask for.
 */
#ifndef STORED_ARTIFACTS_ARTIFACTS_H
#define STORED_ARTIFACTS_ARTIFACTS_H

#include "libcommon/ipc/ipc.h"
#include "services/stored/artifacts/artifact_table.h"
#include "services/stored/artifacts/artifact_upload.h"
#include "services/stored/workspace/workspace.h"

/* All that it points at is borrowed. */
struct artifacts_spec {
    struct upload_setup uploads; /* but for its data_path, which artifacts_create() makes */
    const struct workspace *workspace;
    const char *domain_id;
    const char *outputs_prefix; /* may be NULL */
};

struct artifacts {
    struct artifacts_spec spec;
    char *data_path; /* data_path_of_domain() */
    struct artifact_table table;
};

struct artifacts *artifacts_create(const struct artifacts_spec *spec);

/* Without answers and without telling the server: the journal has them. */
void artifacts_free(struct artifacts *artifacts);

/* Those that the journal has; its streams are artifact_streams_restore()'s. */
void artifacts_restore(struct artifacts *artifacts);

/* Ends uploads, at the server too; who waits for them gets `reason`. Those stored stay known. */
void artifacts_cancel(struct artifacts *artifacts, const struct error *reason);

/* --- for what runners ask --- */

/* What a runner says of an output that it wants stored, in whichever message. Borrowed; texts may be NULL but
 * for rel_path. */
struct artifact_request {
    const char *path;                /* of the file, below the workspace */
    const struct byte_string *bytes; /* instead of a file */
    const char *rel_path;
    const char *name;
    const char *data_type;
    const char *id;
};

/*
 * The name that is derived for the task (artifact_name_build()), and what the spec says instead;
 * artifact_name_clear() it. ERROR_TOO_LARGE above the limits of the messages that carry the result.
 */
bool artifacts_name(const struct artifacts *artifacts, const struct artifact_request *spec,
                    struct artifact_name *name, struct error *error);

/* Opens the file that `spec` names, or makes one of its bytes; artifact_file_close() it. */
bool artifacts_open_file(const struct artifacts *artifacts, const struct artifact_request *spec,
                         struct artifact_file *file, struct error *error);

/*
 * Starts the upload of `file` (taken) under `name` (taken, left empty; checked for collisions), in a new
 * entry when there is none. NULL, the file closed, for too many artifacts.
 */
struct artifact *artifacts_begin_upload(struct artifacts *artifacts, const struct artifact_request *spec,
                                        struct artifact_name *name, struct artifact_file *file, bool streamed,
                                        struct error *error);

/* Answers with message_artifact. */
void artifacts_answer_stored(const struct artifact *artifact, struct ipc_request *request);

#endif
