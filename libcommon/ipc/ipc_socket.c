#include "libcommon/ipc/ipc_socket.h"

#include "libcommon/base/memory.h"
#include "libcommon/files/folder.h"
#include "libcommon/ipc/ipc_door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * In place of the C library's, for the whole process though it is for nng, which sends by it: a peer that
 * hung up is told as a reset connection.
 *
 * To nng 1.5.2 (Debian 12) EPIPE is NNG_ECLOSED, "we closed it ourselves". A peer that goes away in the
 * middle of the handshake, as a killed one does, ends a dialer's tries to connect for ever with that, and a
 * listener's accepting: whoever may reach a socket could silence its service. After a reset both go on.
 */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = syscall(SYS_sendmsg, fd, message, flags);
    if (sent < 0 && errno == EPIPE)
        errno = ECONNRESET;
    return sent;
}

bool ipc_url(const char *runtime_dir, enum service_id owner, const char *folder, char url[IPC_URL_BYTES],
             struct error *error)
{
    enum { PREFIX_BYTES = sizeof "ipc://" - 1, PATH_BYTES = sizeof((struct sockaddr_un *)0)->sun_path };
    int length =
        snprintf(url, IPC_URL_BYTES, "ipc://%s/%s/%s/sock", runtime_dir, service_name(owner), folder);
    if (length >= PREFIX_BYTES + PATH_BYTES)
        return error_set(
            error, ERROR_INVALID,
            "POSEMESH_RUNTIME_DIR is too long for Unix sockets (%s/%s/%s/sock has more than %d bytes)",
            runtime_dir, service_name(owner), folder, PATH_BYTES - 1);
    return true;
}

bool ipc_set_error(struct error *error, int code, const char *what, const char *url)
{
    enum error_code meaning = code == NNG_EADDRINUSE ? ERROR_CONFLICT : ERROR_SYSTEM;
    return error_set(error, meaning, "%s %s: %s", what, url, nng_strerror(code));
}

bool ipc_make_folder(const char *runtime_dir, enum service_id owner, const char *folder, struct error *error)
{
    char path[IPC_URL_BYTES];
    snprintf(path, sizeof path, "%s/%s", runtime_dir, service_name(owner));
    bool ok = folder_make(runtime_dir, S_IRWXU, error) && folder_make(path, S_IRWXU, error);
    snprintf(path, sizeof path, "%s/%s/%s", runtime_dir, service_name(owner), folder);
    return (ok && folder_make(path, S_IRWXU, error)) || error_prefix(error, "POSEMESH_RUNTIME_DIR");
}

bool ipc_listen(nng_socket socket, const char *url, size_t limit_bytes, size_t connections_max,
                struct error *error)
{
    nng_listener listener;
    int code = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, limit_bytes);
    if (!code)
        code = nng_listener_create(&listener, socket, url);
    if (!code)
        code = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
    ipc_door_guard_next(connections_max);
    if (!code)
        code = nng_listener_start(listener, 0);
    ipc_door_guard_next(0);
    return code ? ipc_set_error(error, code, "POSEMESH_RUNTIME_DIR: cannot listen at", url) : true;
}

bool ipc_dial(nng_socket socket, const char *url, struct error *error)
{
    enum { RECONNECT_MIN_MS = 50, RECONNECT_MAX_MS = 1000 };
    nng_dialer dialer;
    int code = nng_dialer_create(&dialer, socket, url);
    if (!code)
        code = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!code)
        code = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!code)
        code = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return code ? ipc_set_error(error, code, "cannot dial", url) : true;
}

nng_msg *ipc_encode(const struct message_type *type, const void *message, size_t limit_bytes,
                    struct error *error)
{
    nng_msg *encoded = NULL;
    size_t length;
    char *bytes = message_encode(type, message, &length, error);
    if (!bytes)
        return NULL;
    if (length > limit_bytes)
        error_set(error, ERROR_TOO_LARGE, "%s has %zu bytes, the limit is %zu", type->name, length,
                  limit_bytes);
    else if (nng_msg_alloc(&encoded, length) == 0)
        memcpy(nng_msg_body(encoded), bytes, length);
    else
        memory_exhausted();
    secret_free_bytes(bytes, length);
    return encoded;
}

void ipc_free_message(nng_msg *message)
{
    secret_wipe_bytes(nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
}
