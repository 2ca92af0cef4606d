/* Fetching a CID into the workspace (docs/network.md 4.1): each CID of a session once, however often it is
 * asked for. */
#ifndef STORED_INPUTS_INPUT_H
#define STORED_INPUTS_INPUT_H

#include "libcommon/ipc/ipc.h"
#include "services/stored/session.h"

/* Answers `request` with message_input when the files are there, at once when they are there already. */
void input_materialize(struct session *session, const char *cid, struct ipc_request *request);

/* Those that the journal knows; downloads that were under way begin anew when they are asked for again. */
void inputs_restore(struct session *session);

/* Ends downloads; who waits for them gets `reason`. Inputs that are there stay known. */
void inputs_cancel(struct session *session, const struct error *reason);

/* Frees all, without answers. */
void inputs_drop(struct session *session);

#endif
