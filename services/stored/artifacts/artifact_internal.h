/* Shared by artifact.c and artifact_stream.c only. */
#ifndef STORED_ARTIFACTS_ARTIFACT_INTERNAL_H
#define STORED_ARTIFACTS_ARTIFACT_INTERNAL_H

#include "services/stored/artifacts/artifact.h"
#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/artifacts/artifact_upload.h"
#include "services/stored/request_list.h"

struct artifact {
    struct session *session;
    struct artifact_name name;
    char *id;                     /* of the data at the server; NULL: not known yet */
    bool stored;                  /* an upload succeeded */
    struct file_fingerprint file; /* that was stored; all zero: it has to be sent again to be sure */
    struct error failure;         /* of a stream, for its writer's next call */

    struct artifact_upload *upload; /* under way; NULL: none */
    struct request_list waiting;    /* for its end */
    struct artifact *next;
};

/* What a runner says of an output, in whichever message; texts are borrowed and may be NULL but for rel_path.
 */
struct artifact_wish {
    const char *path;                /* of the file, below the workspace */
    const struct byte_string *bytes; /* instead of a file */
    const char *rel_path;
    const char *name;
    const char *data_type;
    const char *id;
};

/* NULL when the session has none of that logical path. */
struct artifact *artifact_find(const struct session *session, const char *logical_path);

/*
 * The derived name, and what the wish says instead; artifact_name_clear() it. Limits are those of the
 * messages that carry the result.
 */
bool artifact_name_wish(const struct session *session, const struct artifact_wish *wish,
                        struct artifact_name *name, struct error *error);

/*
 * Starts the upload of `file` (taken) under `name` (taken, left empty), in a new entry when the session has
 * none. NULL, the file closed, for a name that collides and for too many artifacts.
 */
struct artifact *artifact_begin(struct session *session, const struct artifact_wish *wish,
                                struct artifact_name *name, struct artifact_file *file, bool streamed,
                                struct error *error);

/* The next call about the stream is answered with `reason`. */
void artifact_note_failure(struct session *session, const struct artifact_wish *wish,
                           const struct error *reason);

/* An entry for what was stored before a restart. */
void artifact_restore(struct session *session, const struct message_artifact *message,
                      const struct file_fingerprint *file);

/* Answers with message_artifact. */
void artifact_answer_stored(const struct artifact *artifact, struct ipc_request *request);

/* message_clear() it. */
void artifact_describe(const struct artifact *artifact, struct message_artifact *message);

#endif
