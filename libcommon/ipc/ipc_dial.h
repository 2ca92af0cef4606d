/* Connecting a socket to its peer, and again whenever the peer comes back. */
#ifndef LIBCOMMON_IPC_IPC_DIAL_H
#define LIBCOMMON_IPC_IPC_DIAL_H

#include "libcommon/base/error.h"
#include "libcommon/loop/loop.h"

#include <nng/nng.h>

struct ipc_dial;

/* Owns the socket from then on; on failure it is closed. `url` is copied. */
struct ipc_dial *ipc_dial_start(struct loop *loop, nng_socket socket, const char *url, struct error *error);

/* Closes the socket, too. */
void ipc_dial_close(struct ipc_dial *dial);

#endif
