/*
 * A drain: leased takes no new lease, running jobs get DRAIN_GRACE_SECS, then are cancelled and failed with
 * node_draining. It lasts no longer than its bound, DMS reachable or not.
 */
#ifndef NODE_DRAIN_H
#define NODE_DRAIN_H

#include "libcommon/ipc/ipc.h"
#include "libcommon/loop/loop.h"

struct drain;

typedef void drain_done_function(void *context);

/* Borrows `ipc`. `grace_secs` as in DRAIN_GRACE_SECS. */
struct drain *drain_create(struct loop *loop, struct ipc *ipc, int64_t grace_secs,
                           drain_done_function *on_done, void *context, struct error *error);
void drain_free(struct drain *drain);

/* Starts; `on_done` is called once, when no lease is held any more or the bound is reached. */
void drain_start(struct drain *drain);

/* A second signal: running jobs are cancelled now. Changes nothing after on_done. */
void drain_hurry(struct drain *drain);

#endif
