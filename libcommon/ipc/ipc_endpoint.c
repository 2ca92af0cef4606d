#include "libcommon/ipc/ipc_endpoint.h"

void ipc_endpoint_attach(struct ipc *ipc, struct ipc_endpoint *endpoint,
                         void (*free)(struct ipc_endpoint *endpoint))
{
    endpoint->free = free;
    endpoint->next = ipc->endpoints;
    ipc->endpoints = endpoint;
}

void ipc_endpoints_free(struct ipc *ipc)
{
    while (ipc->endpoints) {
        struct ipc_endpoint *endpoint = ipc->endpoints;
        ipc->endpoints = endpoint->next;
        endpoint->free(endpoint);
    }
}
