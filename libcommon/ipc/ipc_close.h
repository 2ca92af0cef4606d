/* Closing a socket of nng within a bound. */
#ifndef LIBCOMMON_IPC_IPC_CLOSE_H
#define LIBCOMMON_IPC_IPC_CLOSE_H

#include <nng/nng.h>

/* nng_close() within half a second; no more checks of peers come after it. */
void ipc_close_socket(nng_socket socket);

#endif
