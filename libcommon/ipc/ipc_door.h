/*
 * The bound on connections of one user at a socket of ours, from the moment that the kernel has them: nng
 * 1.5.2 accepts whatever comes and keeps it ten seconds for its handshake, before any callback of ours, and
 * a connection that it has costs a descriptor and, in the middle of a message, as much memory as that
 * declares. So accept(), listen() and close() of the C library are replaced for the whole process,
 * for nng alone: what is not a socket of ours is handed on as it is.
 */
#ifndef LIBCOMMON_IPC_IPC_DOOR_H
#define LIBCOMMON_IPC_IPC_DOOR_H

#include <stddef.h>

/* The next listen() begins a socket of ours, where each user may have so many connections; 0:
 * the next one does not. */
void ipc_door_guard_next(size_t connections_max);

#endif
