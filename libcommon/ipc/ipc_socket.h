/* A socket's address and folder, what all our sockets have in common, and how they are closed. */
#ifndef LIBCOMMON_IPC_IPC_SOCKET_H
#define LIBCOMMON_IPC_IPC_SOCKET_H

#include "libcommon/base/error.h"
#include "libcommon/message/message.h"
#include "libcommon/node/service_id.h"

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>

enum { IPC_URL_BYTES = 128 };

/* "ipc://<runtime>/<owner>/<folder>/sock"; fails when the path is too long for a Unix socket. */
bool ipc_url(const char *runtime_dir, enum service_id owner, const char *folder, char url[IPC_URL_BYTES],
             struct error *error);

/* Makes the folder of a socket when nobody did, for this user alone. */
bool ipc_make_folder(const char *runtime_dir, enum service_id owner, const char *folder, struct error *error);

/* Listens with the mode and the limits that every socket of ours has: bytes of a message, and connections of
 * one user (ipc_door.h). */
bool ipc_listen(nng_socket socket, const char *url, size_t limit_bytes, size_t connections_max,
                struct error *error);

/* Connects in the background, and again whenever the peer comes back. */
bool ipc_dial(nng_socket socket, const char *url, struct error *error);

/* A message of `limit_bytes` at most; NULL as of message_encode(), or when it has more (ERROR_TOO_LARGE). */
nng_msg *ipc_encode(const struct message_type *type, const void *message, size_t limit_bytes,
                    struct error *error);

/* Wipes it first: it may hold a token. */
void ipc_free_message(nng_msg *message);

/* nng_close() within half a second; no more checks of peers come after it. */
void ipc_close_socket(nng_socket socket);

/* Fills `error` from nng's code. */
bool ipc_set_error(struct error *error, int code, const char *what, const char *url);

#endif
