/* libcommon/node/listening_socket.h: a socket that was handed down is taken when it is what it should be. */
#include "libcommon/node/listening_socket.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where systemd hands down; what the test has there comes back in the end. */
enum { FIRST = 3, HANDED = 3 };

static int kept[HANDED];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < HANDED; i++) {
        kept[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 100);
        close(FIRST + i);
    }
    return 0;
}

static int tear_down(void **state)
{
    static const char *const variables[] = {"POSEMESH_LISTEN_FD", "LISTEN_FDS", "LISTEN_PID"};
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
    for (int i = 0; i < HANDED; i++) {
        close(FIRST + i);
        if (kept[i] >= 0)
            assert_int_equal(dup2(kept[i], FIRST + i), FIRST + i);
        if (kept[i] >= 0)
            close(kept[i]);
    }
    return 0;
}

/* Hands a socket of 127.0.0.1 at the descriptor `place`; its address as HTTP_LISTEN has it. free() it. */
static char *hand(int place, int type, int protocol, bool listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, type, protocol);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, length), 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    if (fd != place) {
        assert_int_equal(dup2(fd, place), place);
        close(fd);
    }
    return memory_format("127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
}

static void set_number(const char *variable, int number)
{
    char *text = memory_format("%d", number);
    assert_int_equal(setenv(variable, text, 1), 0);
    free(text);
}

static int take(const char *address)
{
    struct error error;
    int fd = listening_socket_take(address, &error);
    if (fd < 0)
        print_message("# %s\n", error.text);
    return fd;
}

static void takes_the_one_that_the_node_hands_down(void **state)
{
    (void)state;
    char *address = hand(4, SOCK_STREAM, 0, true);
    set_number("POSEMESH_LISTEN_FD", 4);
    assert_int_equal(take(address), 4);
    assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
    assert_true((fcntl(4, F_GETFL) & O_NONBLOCK) != 0);
    /* Port 0 is any. */
    assert_int_equal(take("127.0.0.1:0"), 4);
    assert_int_equal(listening_socket_port(4), strtoul(strchr(address, ':') + 1, NULL, 10));
    free(address);
}

static void takes_the_right_one_of_several_that_systemd_hands_down(void **state)
{
    (void)state;
    char *other = hand(3, SOCK_STREAM, 0, true);
    char *address = hand(4, SOCK_STREAM, 0, true);
    set_number("LISTEN_FDS", 2);
    set_number("LISTEN_PID", getpid());
    assert_int_equal(take(address), 4);
    assert_int_equal(take(other), 3);
    free(address);
    free(other);
}

static void what_was_meant_for_another_process_is_left_alone(void **state)
{
    (void)state;
    char *address = hand(3, SOCK_STREAM, 0, true);
    set_number("LISTEN_FDS", 1);
    set_number("LISTEN_PID", getppid());
    assert_int_equal(take(address), -1); /* and its port is taken */
    unsetenv("LISTEN_PID");
    assert_int_equal(take(address), -1);
    free(address);
}

static void assert_opens_its_own(const char *address)
{
    int fd = take(address);
    assert_true(fd > FIRST + 1);
    int accepts = 0;
    socklen_t length = sizeof accepts;
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length), 0);
    assert_int_equal(accepts, 1);
    close(fd);
}

/* A number may name anything. */
static void what_is_no_listening_tcp_socket_at_the_address_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(open("/dev/null", O_RDONLY), 3);
    assert_int_equal(dup2(3, 4), 4);
    set_number("POSEMESH_LISTEN_FD", 3);
    assert_opens_its_own("127.0.0.1:0");
    free(hand(3, SOCK_DGRAM, 0, false));
    assert_opens_its_own("127.0.0.1:0");
    free(hand(3, SOCK_STREAM, 0, false));
    assert_opens_its_own("127.0.0.1:0");
    free(hand(3, SOCK_STREAM, 0, true));
    assert_opens_its_own("127.0.0.2:0");
    static const char *const odd[] = {"", "2", "-1", "3x", "99", "99999999999999999999"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        setenv("POSEMESH_LISTEN_FD", odd[i], 1);
        assert_opens_its_own("127.0.0.1:0");
    }
}

/* While httpd is down nobody accepts. Linux tells the bound of a listening socket's queue in tcpi_sacked. */
static void a_thousand_connections_may_wait(void **state)
{
    struct tcp_info info = {.tcpi_sacked = 0};
    socklen_t length = sizeof info;
    struct error error;
    (void)state;
    int fd = listening_socket_take("127.0.0.1:0", &error);
    assert_true(fd >= 0);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    assert_int_equal(info.tcpi_sacked, 1024);
    close(fd);
}

static void a_port_that_is_taken_is_named(void **state)
{
    (void)state;
    struct error error;
    char *address = hand(3, SOCK_STREAM, 0, true);
    assert_int_equal(listening_socket_take(address, &error), -1);
    assert_non_null(strstr(error.text, address));
    assert_non_null(strstr(error.text, "HTTP_LISTEN"));
    assert_int_equal(error.code, ERROR_CONFLICT);
    assert_non_null(strstr(error.text, "another program has the port. Stop that"));
    assert_int_equal(listening_socket_take("no port here", &error), -1);
    free(address);
}

/* 192.0.2.1 is nobody's (RFC 5737), and no name ends in .invalid (RFC 6761). */
static void an_address_that_is_not_this_machines_is_told_with_its_own_remedy(void **state)
{
    (void)state;
    static const char *const others[] = {"192.0.2.1:18080", "posemesh.invalid:18080"};
    struct error error;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(listening_socket_take(others[i], &error), -1);
        assert_int_equal(error.code, ERROR_INVALID);
        assert_non_null(strstr(error.text, others[i]));
        assert_non_null(strstr(error.text, "Choose one that `ip address` lists, or 0.0.0.0 for all"));
        assert_null(strstr(error.text, "Stop"));
        assert_null(strstr(error.text, "uid"));
    }
    assert_int_equal(listening_socket_take("127.0.0.1:99999", &error), -1);
    assert_non_null(strstr(error.text, "expected host:port with a port from 1 to 65535"));
}

static void an_ipv6_address_stands_in_brackets_and_is_ipv6_alone(void **state)
{
    (void)state;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_ipv6 = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    if (!has_ipv6) {
        print_message("# reason: no IPv6 here\n");
        skip();
    }
    int only = 0;
    socklen_t length = sizeof only;
    fd = take("[::1]:0");
    assert_true(listening_socket_port(fd) > 0);
    assert_int_equal(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length), 0);
    assert_int_equal(only, 1);
    set_number("POSEMESH_LISTEN_FD", fd);
    assert_int_equal(take("[::1]:0"), fd);
    int other = take("127.0.0.1:0");
    assert_int_not_equal(other, fd);
    close(other);
    close(fd);
}

#define WITH_PLACES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACES(takes_the_one_that_the_node_hands_down),
        WITH_PLACES(takes_the_right_one_of_several_that_systemd_hands_down),
        WITH_PLACES(what_was_meant_for_another_process_is_left_alone),
        WITH_PLACES(what_is_no_listening_tcp_socket_at_the_address_is_not_taken),
        WITH_PLACES(a_thousand_connections_may_wait),
        WITH_PLACES(a_port_that_is_taken_is_named),
        WITH_PLACES(an_address_that_is_not_this_machines_is_told_with_its_own_remedy),
        WITH_PLACES(an_ipv6_address_stands_in_brackets_and_is_ipv6_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
