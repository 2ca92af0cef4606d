/*
 * What servers, clients, subscriptions and the publisher of a process have in common: they belong to its
 * `struct ipc`, which frees them at the end. For the files of this folder alone.
 */
#ifndef LIBCOMMON_IPC_IPC_ENDPOINT_H
#define LIBCOMMON_IPC_IPC_ENDPOINT_H

#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/loop.h"

#include <sys/queue.h>

/* The first member of whatever belongs to a `struct ipc`. */
struct ipc_endpoint {
    void (*free)(struct ipc_endpoint *endpoint);
    SLIST_ENTRY(ipc_endpoint) others;
};

struct ipc_publisher;

struct ipc {
    struct loop *loop;
    enum service_id self;
    char *runtime_dir;
    struct ipc_peers peers;
    SLIST_HEAD(ipc_endpoints, ipc_endpoint) endpoints; /* the latest first: so they are freed */
    struct ipc_publisher *publisher;                   /* NULL: this process publishes nothing */
};

/* `endpoint->free` will be called by ipc_free(). */
void ipc_endpoint_attach(struct ipc *ipc, struct ipc_endpoint *endpoint,
                         void (*free)(struct ipc_endpoint *endpoint));

#endif
