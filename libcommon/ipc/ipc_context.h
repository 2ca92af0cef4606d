/* A process's end of all talk: what its sockets share, and who closes them. */
#ifndef LIBCOMMON_IPC_IPC_CONTEXT_H
#define LIBCOMMON_IPC_IPC_CONTEXT_H

#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/loop.h"

struct ipc;

/*
 * The process's end of all talk. `runtime_dir` is copied. Opening the first socket starts nng's threads, so
 * signals must be blocked, and uid and sandbox be final, before that.
 */
struct ipc *ipc_create(struct loop *loop, enum service_id self, const char *runtime_dir,
                       const struct ipc_peers *peers, struct error *error);

/* Closes every socket; pending requests are dropped and calls in flight end without their answer function, as
 * if cancelled. Their pointers are invalid then. NULL is harmless. */
void ipc_free(struct ipc *ipc);

#endif
