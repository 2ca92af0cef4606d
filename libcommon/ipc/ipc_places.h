/*
 * Who holds how many connections at the sockets of this process, and who has to go when a user has too many.
 * No I/O: ipc_door.c knows the kernel.
 *
 * The bound is one user's at one socket. A user at it is still let in: of its processes the one with most
 * connections there loses its youngest, so that a process that floods takes places from itself, and neither
 * from those who were there before nor from those who come after. Only one that has settled goes: nng 1.5.2
 * can hang when a connection ends while it is greeted. Until that process has one it is the newcomer who is
 * turned away.
 */
#ifndef LIBCOMMON_IPC_IPC_PLACES_H
#define LIBCOMMON_IPC_IPC_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ipc_place {
    int fd;
    int listener; /* its descriptor: which socket */
    uid_t uid;
    pid_t pid;       /* 0: of another pid namespace; those are one process here */
    int64_t came_ms; /* boot clock */
    bool ending;     /* hung up on; counts no more, and has its descriptor until nng closes it */
};

struct ipc_places {
    struct ipc_place *list; /* in the order in which they came */
    size_t count;
    size_t capacity;
};

enum { IPC_PLACES_SETTLED_MS = 1000 };

/*
 * Adds a connection; false when it has to be turned away. `*goes` gets the descriptor of the one that has to
 * be hung up on for it, -1 when there is room. `bound` is of the newcomer's user at the newcomer's socket.
 */
bool ipc_places_take(struct ipc_places *places, const struct ipc_place *newcomer, size_t bound, int *goes);

/* A descriptor is closed: a connection's, a socket's with all its connections, or any other, of which nothing
 * is known here: then false. */
bool ipc_places_leave(struct ipc_places *places, int fd);

#endif
