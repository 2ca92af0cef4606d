/* services/httpd/inbound.h: who keeps a place, and for how long. */
#include "tests/unit/inbound_fixture.h"

#include "libcommon/base/clock.h"

#include <fcntl.h>
#include <sys/resource.h>

enum { PLACES = LIMIT_INBOUND_CONNECTIONS };

/* Whether the endpoint has ended the connection. */
static bool is_gone(int fd)
{
    char byte;
    ssize_t count = recv(fd, &byte, 1, MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno == ECONNRESET);
}

static void the_oldest_idle_connection_goes_when_all_places_are_taken(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fds[PLACES];
    fds[0] = connect_client(fixture);
    send_held_callback(fixture, fds[0]);
    for (int i = 1; i < PLACES; i++, seconds_ahead += i < 3) {
        fds[i] = connect_client(fixture);
        send_bytes(fds[i], "GET /hea", 8);
        turn(fixture);
        turn(fixture);
    }
    for (int i = 0; i < PLACES; i++)
        assert_false(is_gone(fds[i]));
    ask(fixture, health, 200, answer);
    /* Not the very oldest, which waits for authd. */
    assert_true(is_gone(fds[1]));
    for (int i = 2; i < PLACES; i++)
        assert_false(is_gone(fds[i]));
    inbound_answer(fixture->held, 200, "stored");
    assert_non_null(strstr(receive(fixture, fds[0], "stored", answer), "HTTP/1.1 200"));
    for (int i = 0; i < PLACES; i++)
        close(fds[i]);
}

static void a_newcomer_waits_when_nobody_is_idle(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fds[PLACES];
    struct inbound_request *held = NULL;
    for (int i = 0; i < PLACES; i++) {
        fixture->held = NULL;
        fds[i] = connect_client(fixture);
        send_held_callback(fixture, fds[i]);
        held = i == 0 ? fixture->held : held;
    }
    int fd = connect_client(fixture);
    send_bytes(fd, health, sizeof health - 1);
    for (int i = 0; i < 20; i++)
        turn(fixture);
    assert_int_equal(recv(fd, answer, sizeof answer, MSG_DONTWAIT), -1);
    inbound_answer(held, 200, "stored");
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    for (int i = 0; i < PLACES; i++)
        close(fds[i]);
    close(fd);
}

/* One of them connects anew whenever it loses its place: it takes its own ones, not those of others. */
static void a_flood_of_slow_connections_leaves_the_others_their_answers(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int slow[8 * PLACES];
    enum { SLOW = sizeof slow / sizeof slow[0] };
    for (int i = 0; i < SLOW; i++) {
        slow[i] = connect_client(fixture);
        send_bytes(slow[i], "GET /hea", 8);
        if (i % PLACES == 0)
            ask(fixture, health, 200, answer);
    }
    ask(fixture, health, 200, answer);
    int kept = 0;
    for (int i = 0; i < SLOW; i++) {
        kept += !is_gone(slow[i]);
        close(slow[i]);
    }
    assert_in_range(kept, 1, PLACES);
}

/* Connection is idle for so long that it is ended: turns until then. */
static void expect_end(struct fixture *fixture, int fd)
{
    int turns = 0;
    while (turns < PATIENCE_TURNS && !is_gone(fd)) {
        turn(fixture);
        turns++;
    }
    assert_true(turns < PATIENCE_TURNS);
    close(fd);
}

/* A byte each second; after so many seconds the connection has to be there still, and 2 s later gone. */
static void drip(struct fixture *fixture, int fd, int seconds)
{
    char answer[ANSWER_BYTES];
    for (int second = 0; second < seconds; second++, seconds_ahead++) {
        send_bytes(fd, "x", 1);
        turn(fixture);
        turn(fixture);
        assert_int_equal(recv(fd, answer, sizeof answer, MSG_DONTWAIT), -1);
    }
    seconds_ahead += 2;
    expect_end(fixture, fd);
}

/* A byte now and then would keep a connection, and so a place, for ever. */
static void a_head_has_5_s_and_a_request_10_however_often_a_byte_of_it_comes(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_bytes(fd, "GET /health", 11);
    drip(fixture, fd, 4);

    const char body[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nContent-Length: 99\r\n\r\n{";
    fd = connect_client(fixture);
    send_bytes(fd, body, sizeof body - 1);
    drip(fixture, fd, 9);

    /* Between requests a connection may be idle for as long as a request may last. */
    const char kept[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{}";
    fd = connect_client(fixture);
    send_bytes(fd, kept, sizeof kept - 1);
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    seconds_ahead += 8;
    for (int i = 0; i < 5; i++)
        turn(fixture);
    send_bytes(fd, kept, sizeof kept - 1);
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    drip(fixture, fd, 9);
    ask(fixture, health, 200, answer);
}

/* Stands in for the C library's: counts how often the endpoint tries. */
static int64_t accepts;

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict addr_len, int flags)
{
    accepts++;
    return (int)syscall(SYS_accept4, fd, addr, addr_len, flags);
}

static void without_descriptors_it_tries_again_each_second_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    struct rlimit before;
    if (getenv("POSEMESH_VALGRIND")) {
        print_message("# reason: valgrind gives descriptors above the limit\n");
        skip();
    }
    int fd = connect_client(fixture);
    send_bytes(fd, health, sizeof health - 1);
    int next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit full = {(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    int64_t began_ms = clock_boot_ms();
    accepts = 0;
    for (int i = 0; i < 50; i++)
        turn(fixture);
    assert_in_range(accepts, 1, 1 + (clock_boot_ms() - began_ms) / 1000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    seconds_ahead++;
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENDPOINT(the_oldest_idle_connection_goes_when_all_places_are_taken),
        WITH_ENDPOINT(a_newcomer_waits_when_nobody_is_idle),
        WITH_ENDPOINT(a_flood_of_slow_connections_leaves_the_others_their_answers),
        WITH_ENDPOINT(a_head_has_5_s_and_a_request_10_however_often_a_byte_of_it_comes),
        WITH_ENDPOINT(without_descriptors_it_tries_again_each_second_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
