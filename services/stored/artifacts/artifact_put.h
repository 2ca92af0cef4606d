/*
 * Storing files of the workspace at the domain server (docs/network.md 4.2). What begins something expects a
 * session that is not cancelled. Failures, here and in artifact_stream.h: ERROR_INVALID (a path that leads
 * out, no regular file, a wrong length), ERROR_NOT_FOUND (no such file; a stream that was not opened),
 * ERROR_TOO_LARGE (names, files, too many artifacts), ERROR_CONFLICT (two outputs of one name; another file
 * is on its way under it; the file changed), ERROR_UNAVAILABLE (too many open streams), and what the domain
 * server says.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_PUT_H
#define STORED_ARTIFACTS_ARTIFACT_PUT_H

#include "services/stored/artifacts/artifacts.h"

/*
 * Answers `request` with message_artifact when the file is stored. A put of an output that is on its way
 * joins it, and finishes it when it is a stream; one of an output that was stored before replaces it, unless
 * the file is still the one that was stored.
 */
void artifact_put(struct artifacts *artifacts, const struct message_artifact_put *message,
                  struct ipc_request *request);

/* The same of bytes that came with the request. */
void artifact_put_bytes(struct artifacts *artifacts, const struct message_artifact_put_bytes *message,
                        struct ipc_request *request);

#endif
