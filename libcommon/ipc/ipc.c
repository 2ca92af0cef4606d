#include "libcommon/ipc/ipc.h"

#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

struct ipc *ipc_create(struct loop *loop, enum service_id self, const char *runtime_dir,
                       const struct ipc_peers *peers, struct error *error)
{
    struct ipc *ipc = memory_allocate(sizeof *ipc);
    *ipc = (struct ipc){.loop = loop, .self = self, .peers = *peers};
    ipc->runtime_dir = memory_copy_text(runtime_dir);
    char url[IPC_URL_BYTES];
    /* The longest path of all roles: better refused at the start than when the first job comes. */
    if (ipc_url(ipc, SERVICE_RUNNERD, "callback", url, error))
        return ipc;
    ipc_free(ipc);
    return NULL;
}

void ipc_free(struct ipc *ipc)
{
    if (!ipc)
        return;
    ipc_servers_free(ipc);
    ipc_clients_free(ipc);
    ipc_subscriptions_free(ipc);
    if (ipc->publishing)
        ipc_close_socket(ipc->publisher);
    free(ipc->runtime_dir);
    free(ipc);
}

bool ipc_url(const struct ipc *ipc, enum service_id owner, const char *folder, char url[IPC_URL_BYTES],
             struct error *error)
{
    enum { PREFIX_BYTES = sizeof "ipc://" - 1, PATH_BYTES = sizeof((struct sockaddr_un *)0)->sun_path };
    int length =
        snprintf(url, IPC_URL_BYTES, "ipc://%s/%s/%s/sock", ipc->runtime_dir, service_name(owner), folder);
    if (length >= PREFIX_BYTES + PATH_BYTES)
        return error_set(
            error, ERROR_INVALID,
            "POSEMESH_RUNTIME_DIR is too long for Unix sockets (%s/%s/%s/sock has more than %d bytes)",
            ipc->runtime_dir, service_name(owner), folder, PATH_BYTES - 1);
    return true;
}

bool ipc_set_error(struct error *error, int code, const char *what, const char *url)
{
    enum error_code meaning = code == NNG_EADDRINUSE ? ERROR_CONFLICT : ERROR_SYSTEM;
    return error_set(error, meaning, "%s %s: %s", what, url, nng_strerror(code));
}

static bool make_one_folder(const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make the folder %s", path);
    return true;
}

bool ipc_make_folder(const struct ipc *ipc, enum service_id owner, const char *folder, struct error *error)
{
    char path[IPC_URL_BYTES];
    snprintf(path, sizeof path, "%s/%s", ipc->runtime_dir, service_name(owner));
    if (!make_one_folder(ipc->runtime_dir, error) || !make_one_folder(path, error))
        return false;
    snprintf(path, sizeof path, "%s/%s/%s", ipc->runtime_dir, service_name(owner), folder);
    return make_one_folder(path, error);
}

bool ipc_listen(nng_socket socket, const char *url, size_t limit_bytes, struct error *error)
{
    nng_listener listener;
    int code = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, limit_bytes);
    if (!code)
        code = nng_listener_create(&listener, socket, url);
    if (!code)
        code = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
    if (!code)
        code = nng_listener_start(listener, 0);
    return code ? ipc_set_error(error, code, "cannot listen at", url) : true;
}

bool ipc_receive_fd(nng_socket socket, int *fd, struct error *error)
{
    int code = nng_socket_get_int(socket, NNG_OPT_RECVFD, fd);
    return code ? ipc_set_error(error, code, "cannot wait for", "messages") : true;
}
