/* The network: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct sockaddr_in act_loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int act_connect_elsewhere(void)
{
    struct sockaddr_in address = act_loopback(act_places.outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : act_outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

static int act_listen(void)
{
    struct sockaddr_in address = act_loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : act_outcome(bind(fd, (struct sockaddr *)&address, sizeof address));
}

/* Not TCP by name: some kernels' Landlock lets it pass. */
static int act_multipath_socket(void)
{
    struct sockaddr_in address = act_loopback(act_places.outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    if (fd < 0)
        return errno == EPROTONOSUPPORT || errno == ENOPROTOOPT ? 0 : errno;
    return act_outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* Connects without connect(). */
static int act_fast_open(void)
{
    struct sockaddr_in address = act_loopback(act_places.outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0
               ? errno
               : act_outcome(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address));
}

static int act_packet_socket(void)
{
    return act_outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int act_abstract_socket_outside(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(act_places.abstract_name);
    memcpy(address.sun_path + 1, act_places.abstract_name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return fd < 0 ? errno : act_outcome(connect(fd, (struct sockaddr *)&address, bytes));
}

const struct act network_acts[] = {
    {"connects to a port that is not its peer's", act_connect_elsewhere, CONFINED & ~STORED_BIT,
     LANDLOCK_VERSION_PORTS},
    {"connects by MPTCP", act_multipath_socket, CONFINED, 0},
    {"connects while it sends", act_fast_open, CONFINED, 0},
    {"binds a TCP port", act_listen, CONFINED, LANDLOCK_VERSION_PORTS},
    {"opens a packet socket", act_packet_socket, CONFINED, 0},
    {"connects to an abstract socket of others", act_abstract_socket_outside, CONFINED, 6},
    {NULL, NULL, 0, 0},
};
