/* Shared by the ipc_*.c files only. */
#ifndef LIBCOMMON_IPC_IPC_INTERNAL_H
#define LIBCOMMON_IPC_IPC_INTERNAL_H

#include "libcommon/ipc/ipc.h"

#include <nng/nng.h>

enum { IPC_URL_BYTES = 128 };

struct ipc_dial;
struct ipc_server;
struct ipc_subscription;

struct ipc {
    struct loop *loop;
    enum service_id self;
    char *runtime_dir;
    struct ipc_peers peers;
    struct ipc_server *servers;
    struct ipc_client *clients;
    struct ipc_subscription *subscriptions;
    nng_socket publisher;
    bool publishing;
};

/* "ipc://<runtime>/<owner>/<folder>/sock"; fails when the path is too long for a Unix socket. */
bool ipc_url(const struct ipc *ipc, enum service_id owner, const char *folder, char url[IPC_URL_BYTES],
             struct error *error);

/* Makes the folder of a socket when nobody did, for this user alone. */
bool ipc_make_folder(const struct ipc *ipc, enum service_id owner, const char *folder, struct error *error);

/* Listens with the mode and the size limit that every socket of ours has. */
bool ipc_listen(nng_socket socket, const char *url, size_t limit_bytes, struct error *error);

/* The descriptor that is readable while `socket` has a message. */
bool ipc_receive_fd(nng_socket socket, int *fd, struct error *error);

/* Fills `error` from nng's code. */
bool ipc_set_error(struct error *error, int code, const char *what, const char *url);

/* Connects `socket`, and again whenever the peer comes back. Owns the socket from then on; on failure it is
 * closed. */
struct ipc_dial *ipc_dial_start(struct ipc *ipc, nng_socket socket, const char *url, struct error *error);

/* Closes the socket, too. */
void ipc_dial_close(struct ipc_dial *dial);

/* nng_close() within half a second; no more checks of peers come after it. */
void ipc_close_socket(nng_socket socket);

void ipc_servers_free(struct ipc *ipc);
void ipc_clients_free(struct ipc *ipc);
void ipc_subscriptions_free(struct ipc *ipc);

#endif
