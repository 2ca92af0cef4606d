/*
 * A file that is still being written goes up while it grows: `open` once it is there, `grow` as often as
 * there is more, `finish` at its end, which is answered with message_artifact when all of it is stored. What
 * went wrong meanwhile is the answer to the next call; then the stream is over.
 */
#ifndef STORED_ARTIFACTS_ARTIFACT_STREAM_H
#define STORED_ARTIFACTS_ARTIFACT_STREAM_H

#include "services/stored/artifacts/artifacts.h"

void artifact_open(struct artifacts *artifacts, const struct message_artifact_open *message,
                   struct ipc_request *request);
void artifact_grow(struct artifacts *artifacts, const struct message_artifact_grow *message,
                   struct ipc_request *request);
void artifact_finish(struct artifacts *artifacts, const struct message_artifact_finish *message,
                     struct ipc_request *request);

/* Those that were open before a restart, after artifacts_restore(). */
void artifact_streams_restore(struct artifacts *artifacts);

#endif
