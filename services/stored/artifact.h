/* Storing files of the workspace at the domain server (docs/network.md 4.2). */
#ifndef STORED_ARTIFACT_H
#define STORED_ARTIFACT_H

#include "libcommon/ipc.h"
#include "services/stored/session.h"

/*
 * Answers `request` with message_artifact when the file is stored. A put of an output that is on its way
 * joins it; one of an output that was stored before replaces it.
 */
void artifact_put(struct session *session, const struct message_artifact_put *put,
                  struct ipc_request *request);

/* As artifact_put, of bytes that came with the request. */
void artifact_put_bytes(struct session *session, const struct message_artifact_put_bytes *put,
                        struct ipc_request *request);

/* Those stored so far, in order; message_clear() it. */
void artifacts_list(const struct session *session, struct message_artifacts *list);

/* Ends uploads, at the server too; who waits for them gets `reason`. Those stored stay known. */
void artifacts_cancel(struct session *session, const struct error *reason);

/* Frees all, without answers. */
void artifacts_drop(struct session *session);

#endif
