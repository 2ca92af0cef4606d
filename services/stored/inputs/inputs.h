/* Fetching CIDs into the workspace (docs/network.md 4.1): each CID of a session once, however often it is
 * asked for. */
#ifndef STORED_INPUTS_INPUTS_H
#define STORED_INPUTS_INPUTS_H

#include "libcommon/ipc/ipc.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/journal/journal.h"
#include "services/stored/transfers/transfers.h"
#include "services/stored/workspace/workspace.h"

#include <stddef.h>

/* The inputs of one session. */
struct inputs;

/* What they need; all borrowed until inputs_free(). */
struct inputs_spec {
    struct domain_access *access;
    const struct workspace *workspace;
    struct journal *journal;
    struct transfers *transfers;
    const char *task_id;
    const char *domain_id; /* of CIDs that name none */
};

struct inputs *inputs_create(const struct inputs_spec *spec);

/* Ends downloads without answers. */
void inputs_free(struct inputs *inputs);

/* Those that the journal knows to be there. Returns how many there are. */
size_t inputs_restore(struct inputs *inputs);

/* Begins the downloads anew that were under way before a restart; after inputs_restore(). */
void inputs_resume(struct inputs *inputs);

/* Answers `request` with message_input when the files are there, at once when they are there already; not
 * before those of CIDs that were asked for earlier, which have the better right to a path. A CID that is
 * neither there nor on its way is fetched, unless `refusal` (NULL: none) is the answer to that. */
void inputs_ask(struct inputs *inputs, const char *cid, const struct error *refusal,
                struct ipc_request *request);

/* Ends downloads; who waits for them gets `reason`. Inputs that are there stay known. */
void inputs_cancel(struct inputs *inputs, const struct error *reason);

#endif
