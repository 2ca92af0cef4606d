#include "libcommon/node/listening_socket.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/node/settings_value.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where systemd begins, and all that it may hand to a service of ours. */
enum { FIRST_HANDED_FD = 3, HANDED_MAX = 64, ANY_FD_MAX = 1000000 };

/* --- sockets that were handed down --- */

static int64_t number_in(const char *variable, double low, double high)
{
    struct error error;
    int64_t number = 0;
    const char *text = getenv(variable);
    return text && settings_parse_integer(text, low, high, &number, &error) ? number : -1;
}

/* Which descriptors were handed to this process: `*count` from `*first` on. */
static void find_handed_down(int *first, int *count)
{
    int64_t own = number_in(LISTENING_SOCKET_VARIABLE, FIRST_HANDED_FD, ANY_FD_MAX);
    /* The variables of a parent that was meant are inherited, too. */
    bool meant = number_in("LISTEN_PID", 1, INT32_MAX) == getpid();
    int64_t systemd = meant ? number_in("LISTEN_FDS", 1, HANDED_MAX) : -1;
    *first = own >= 0 ? (int)own : FIRST_HANDED_FD;
    *count = own >= 0 ? 1 : systemd > 0 ? (int)systemd : 0;
}

static bool has_option(int fd, int option, int value)
{
    int found = -1;
    socklen_t length = sizeof found;
    return getsockopt(fd, SOL_SOCKET, option, &found, &length) == 0 && found == value;
}

/* Of either family. */
union any_address {
    struct sockaddr plain;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static union any_address address_of_socket(int fd)
{
    union any_address address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    getsockname(fd, &address.plain, &length);
    return address;
}

static bool is_same_address(const union any_address *bound, const struct addrinfo *wanted)
{
    union any_address other;
    memset(&other, 0, sizeof other);
    memcpy(&other, wanted->ai_addr, wanted->ai_addrlen);
    if (bound->plain.sa_family != other.plain.sa_family)
        return false;
    if (other.plain.sa_family == AF_INET6)
        return memcmp(&bound->v6.sin6_addr, &other.v6.sin6_addr, sizeof other.v6.sin6_addr) == 0 &&
               (!other.v6.sin6_port || bound->v6.sin6_port == other.v6.sin6_port);
    return bound->v4.sin_addr.s_addr == other.v4.sin_addr.s_addr &&
           (!other.v4.sin_port || bound->v4.sin_port == other.v4.sin_port);
}

/* A number could name anything: a file, a datagram socket, another port. */
static bool listens_at(int fd, const struct addrinfo *wanted)
{
    const union any_address bound = address_of_socket(fd);
    return has_option(fd, SO_TYPE, SOCK_STREAM) && has_option(fd, SO_PROTOCOL, IPPROTO_TCP) &&
           has_option(fd, SO_ACCEPTCONN, 1) && is_same_address(&bound, wanted);
}

static int take_handed_down(const char *text, const struct addrinfo *wanted)
{
    int first;
    int count;
    find_handed_down(&first, &count);
    for (int fd = first; fd < first + count; fd++) {
        if (!listens_at(fd, wanted))
            continue;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        return fd;
    }
    if (count)
        log_warn("no socket that was handed down listens at HTTP_LISTEN %s: a new one is opened", text);
    return -1;
}

/* --- a new one --- */

#define CHOOSE_ADDRESS "Choose one that `ip address` lists, or 0.0.0.0 for all"

/* -1. ERROR_CONFLICT: somebody has the port. */
static int fail(const char *text, struct error *error)
{
    int reason = errno;
    error_set_errno(error, reason, "cannot listen at HTTP_LISTEN %s", text);
    if (reason == EADDRINUSE)
        error_set(error, ERROR_CONFLICT,
                  "cannot listen at HTTP_LISTEN %s: another program has the port. Stop that, or set "
                  "HTTP_LISTEN to another port",
                  text);
    else if (reason == EADDRNOTAVAIL)
        error_set(error, ERROR_INVALID,
                  "cannot listen at HTTP_LISTEN %s: that is no address of this machine. " CHOOSE_ADDRESS,
                  text);
    else if (reason == EACCES)
        error_set(error, ERROR_FORBIDDEN,
                  "cannot listen at HTTP_LISTEN %s: uid %u may not have that port. Choose one from 1024 on, "
                  "or start as root",
                  text, (unsigned)geteuid());
    return -1;
}

static int open_new(const char *text, const struct addrinfo *found, struct error *error)
{
    const int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0)
        return fail(text, error);
    /* Not SO_REUSEPORT, by which a second process could take half of our callbacks. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (found->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, LIMIT_INBOUND_BACKLOG) == 0)
        return fd;
    fail(text, error);
    close(fd);
    return -1;
}

static bool resolve(const char *address, struct addrinfo **found, struct error *error)
{
    char *host = NULL;
    uint16_t port;
    char service[8];
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!settings_split_address(address, &host, &port, error))
        return false;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int code = getaddrinfo(host, service, &hints, found);
    free(host);
    if (code)
        return error_set(error, ERROR_INVALID, "cannot listen at HTTP_LISTEN %s: %s. " CHOOSE_ADDRESS,
                         address, gai_strerror(code));
    return true;
}

int listening_socket_take(const char *address, struct error *error)
{
    struct addrinfo *found = NULL;
    if (!resolve(address, &found, error))
        return -1;
    int fd = take_handed_down(address, found);
    if (fd < 0)
        fd = open_new(address, found, error);
    freeaddrinfo(found);
    return fd;
}

uint16_t listening_socket_port(int fd)
{
    const union any_address bound = address_of_socket(fd);
    return ntohs(bound.plain.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}
