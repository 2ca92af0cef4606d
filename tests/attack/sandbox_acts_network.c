/* The network: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

/* A socket that a service was given needs no socket(): taken apart, it connects like any other. */
static int connect_again(int fd)
{
    enum { PATIENCE_MS = 500 };
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    struct sockaddr_in address = act_loopback(act_places.outside_port);
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    int non_blocking = 1;
    if (connect(fd, &nowhere, sizeof nowhere) != 0 || ioctl(fd, FIONBIO, &non_blocking) != 0)
        return errno;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS)
        return errno;
    return poll(&connected, 1, PATIENCE_MS) == 1 && !(connected.revents & POLLERR) ? 0 : EACCES;
}

static int act_connect_listener(void)
{
    return connect_again(act_places.given_listener);
}

static int act_connect_accepted(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    getsockname(act_places.given_listener, (struct sockaddr *)&address, &length);
    if (write(act_places.caller, &address, sizeof address) != sizeof address)
        return errno;
    return connect_again(accept4(act_places.given_listener, NULL, NULL, SOCK_CLOEXEC));
}

static int act_connect_by_option(void)
{
    int on = 1;
    int fd = act_places.given_listener;
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (connect(fd, &nowhere, sizeof nowhere) != 0)
        return errno;
    return act_outcome(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on));
}

static int act_drop_filter(void)
{
    int any = 0;
    int code = setsockopt(act_places.given_listener, SOL_SOCKET, SO_DETACH_FILTER, &any, sizeof any) == 0
                   ? 0
                   : errno;
    return code == ENOENT ? 0 : code;
}

static int act_datagram_by_path(void)
{
    return act_outcome(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

static int act_network_socket(void)
{
    return act_outcome(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
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
    {"connects with the socket that listens", act_connect_listener, HTTPD_BIT, 0},
    {"connects with a socket that it accepted", act_connect_accepted, HTTPD_BIT, 0},
    {"has a socket connect by an option", act_connect_by_option, HTTPD_BIT, 0},
    {"takes a socket's filter away", act_drop_filter, HTTPD_BIT, 0},
    {"opens a socket of the network", act_network_socket, HTTPD_BIT, 0},
    {"opens a socket for datagrams to a path", act_datagram_by_path, HTTPD_BIT, 0},
    {"opens a packet socket", act_packet_socket, CONFINED, 0},
    {"connects to an abstract socket of others", act_abstract_socket_outside, CONFINED, 6},
    {NULL, NULL, 0, 0},
};
