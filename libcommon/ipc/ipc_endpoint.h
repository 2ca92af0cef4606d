/*
 * What servers, clients and subscriptions of a process have in common: they belong to its
 * `struct ipc`, which frees them at the end. For the files of this folder alone.
 */
#ifndef LIBCOMMON_IPC_IPC_ENDPOINT_H
#define LIBCOMMON_IPC_IPC_ENDPOINT_H

#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/loop.h"

#include <nng/nng.h>
#include <sys/queue.h>

/* The first member of whatever belongs to a `struct ipc`. */
struct ipc_endpoint {
    void (*free)(struct ipc_endpoint *endpoint);
    SLIST_ENTRY(ipc_endpoint) others;
};

struct ipc {
    struct loop *loop;
    enum service_id self;
    char *runtime_dir;
    struct ipc_peers peers;
    SLIST_HEAD(ipc_endpoints, ipc_endpoint) endpoints; /* the latest first: so they are freed */
    nng_socket events;                                 /* open when it publishes any */
    bool publishes;
};

/* `endpoint->free` will be called by ipc_free(). */
void ipc_endpoint_attach(struct ipc *ipc, struct ipc_endpoint *endpoint,
                         void (*free)(struct ipc_endpoint *endpoint));

#endif
