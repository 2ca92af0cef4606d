/*
 * Storing files of the workspace at the domain server (docs/network.md 4.2). What begins something expects an
 * active session (session_check_active()). Failures: ERROR_INVALID (a path that leads out, no regular file, a
 * wrong length), ERROR_NOT_FOUND (no such file; a stream that was not opened), ERROR_TOO_LARGE (names, files,
 * too many artifacts), ERROR_CONFLICT (two outputs of one name; another file is on its way under it; the file
 * changed), ERROR_UNAVAILABLE (too many open streams), and what the domain server says.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_H
#define STORED_ARTIFACTS_ARTIFACT_H

#include "libcommon/ipc/ipc.h"
#include "services/stored/session.h"

/*
 * Answers `request` with message_artifact when the file is stored. A put of an output that is on its way
 * joins it, and finishes it when it is a stream; one of an output that was stored before replaces it, unless
 * the file is still the one that was stored.
 */
void artifact_put(struct session *session, const struct message_artifact_put *message,
                  struct ipc_request *request);

/*
 * A file that is still being written goes up while it grows: `open` once it is there, `grow` as often as
 * there is more, `finish` at its end, which is answered with message_artifact when all of it is stored. What
 * went wrong meanwhile is the answer to the next call; then the stream is over.
 */
void artifact_open(struct session *session, const struct message_artifact_open *message,
                   struct ipc_request *request);
void artifact_grow(struct session *session, const struct message_artifact_grow *message,
                   struct ipc_request *request);
void artifact_finish(struct session *session, const struct message_artifact_finish *message,
                     struct ipc_request *request);
/* As artifact_put, of bytes that came with the request. */
void artifact_put_bytes(struct session *session, const struct message_artifact_put_bytes *message,
                        struct ipc_request *request);

/* Those stored so far, in order; message_clear() it. */
void artifacts_list(const struct session *session, struct message_artifacts *list);

/* Those that the journal knows, and the streams that were open. */
void artifacts_restore(struct session *session);

/* Ends uploads, at the server too; who waits for them gets `reason`. Those stored stay known. */
void artifacts_cancel(struct session *session, const struct error *reason);

/* Frees all, without answers and without telling the server: the journal has them. */
void artifacts_drop(struct session *session);

#endif
