#include "libcommon/ipc/ipc_door.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_places.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A socket of ours that listens. */
struct door {
    int fd;
    size_t connections_max;
    LIST_ENTRY(door) others;
};

/* nng accepts and closes on threads of its own. Under the lock no descriptor of ours is closed, so what is
 * hung up on is what was looked up. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(doors, door) doors = LIST_HEAD_INITIALIZER(doors);
static struct ipc_places places;

/* Of the one thread that opens sockets. */
static size_t guard_next;

void ipc_door_guard_next(size_t connections_max)
{
    guard_next = connections_max;
}

static struct door *find_door(int fd)
{
    struct door *door = LIST_FIRST(&doors);
    while (door && door->fd != fd)
        door = LIST_NEXT(door, others);
    return door;
}

/* --- listen --- */

int listen(int fd, int n)
{
    if (!guard_next)
        return (int)syscall(SYS_listen, fd, n);
    struct door *door = memory_allocate(sizeof *door);
    *door = (struct door){.fd = fd, .connections_max = guard_next};
    pthread_mutex_lock(&lock);
    LIST_INSERT_HEAD(&doors, door, others);
    pthread_mutex_unlock(&lock);
    return (int)syscall(SYS_listen, fd, LIMIT_CONNECTIONS_QUEUED);
}

/* --- accept --- */

/* Whoever goes is hung up on, no more: nng reads the end, as if its peer had gone, and closes it. Who is
 * turned away is nothing that nng has seen; ours dial again. nng hears that nobody is there: it would ask on
 * for as long as it hears of aborted ones, and its one thread would serve no other socket meanwhile. */
static int let_in(const struct door *door, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof peer;
    int goes = -1;
    bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    const struct ipc_place newcomer = {
        .fd = fd, .listener = door->fd, .uid = peer.uid, .pid = peer.pid, .came_ms = clock_boot_ms()};
    if (!known || !ipc_places_take(&places, &newcomer, door->connections_max, &goes)) {
        syscall(SYS_close, fd);
        errno = EAGAIN;
        return -1;
    }
    if (goes >= 0)
        shutdown(goes, SHUT_RDWR);
    return fd;
}

int accept(int fd, struct sockaddr *addr, socklen_t *addr_len)
{
    int accepted = (int)syscall(SYS_accept4, fd, addr, addr_len, 0);
    if (accepted < 0)
        return -1;
    pthread_mutex_lock(&lock);
    const struct door *door = find_door(fd);
    if (door)
        accepted = let_in(door, accepted);
    pthread_mutex_unlock(&lock);
    return accepted;
}

/* --- close --- */

/* What is no connection of ours may take long to close (a file behind a network): nng does not wait for it.
 */
int close(int fd)
{
    pthread_mutex_lock(&lock);
    struct door *door = find_door(fd);
    if (door)
        LIST_REMOVE(door, others);
    bool is_ours = ipc_places_leave(&places, fd) || door;
    if (!is_ours)
        pthread_mutex_unlock(&lock);
    int result = (int)syscall(SYS_close, fd);
    if (is_ours)
        pthread_mutex_unlock(&lock);
    free(door);
    return result;
}
