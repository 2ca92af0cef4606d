#include "libcommon/ipc/ipc_context.h"

#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_endpoint.h"
#include "libcommon/ipc/ipc_socket.h"

#include <stdlib.h>

struct ipc *ipc_create(struct loop *loop, enum service_id self, const char *runtime_dir,
                       const struct ipc_peers *peers, struct error *error)
{
    char url[IPC_URL_BYTES];
    /* The longest path of all roles: better refused at the start than when the first job comes. */
    if (!ipc_url(runtime_dir, SERVICE_RUNNERD, "callback", url, error))
        return NULL;
    struct ipc *ipc = memory_allocate(sizeof *ipc);
    *ipc = (struct ipc){
        .loop = loop, .self = self, .runtime_dir = memory_copy_text(runtime_dir), .peers = *peers};
    return ipc;
}

void ipc_endpoint_attach(struct ipc *ipc, struct ipc_endpoint *endpoint,
                         void (*free)(struct ipc_endpoint *endpoint))
{
    endpoint->free = free;
    SLIST_INSERT_HEAD(&ipc->endpoints, endpoint, others);
}

void ipc_free(struct ipc *ipc)
{
    if (!ipc)
        return;
    while (!SLIST_EMPTY(&ipc->endpoints)) {
        struct ipc_endpoint *endpoint = SLIST_FIRST(&ipc->endpoints);
        SLIST_REMOVE_HEAD(&ipc->endpoints, others);
        endpoint->free(endpoint);
    }
    if (ipc->publishes)
        ipc_close_socket(ipc->events);
    free(ipc->runtime_dir);
    free(ipc);
}
