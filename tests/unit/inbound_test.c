#include "services/httpd/inbound.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Stands in for the C library's: a test sets all clocks forward. */
static time_t seconds_ahead;

int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    long status = syscall(SYS_clock_gettime, clock_id, tp);
    tp->tv_sec += seconds_ahead;
    return (int)status;
}

/* The endpoint on a free port and clients on plain sockets, all on one loop. */
struct fixture {
    struct loop *loop;
    struct inbound *inbound;
    struct inbound_request *held;
    int callbacks;
    int health_checks;
    bool hold;
    char body[256];
    size_t body_bytes;
};

enum { PATIENCE_TURNS = 500, ANSWER_BYTES = 4096 };

static void on_callback(void *context, struct inbound_request *request, const struct secret *body,
                        const char *content_type)
{
    struct fixture *fixture = context;
    (void)content_type;
    fixture->callbacks++;
    fixture->body_bytes = body->length;
    if (body->length < sizeof fixture->body)
        memcpy(fixture->body, body->bytes, body->length + 1);
    if (fixture->hold)
        fixture->held = request;
    else
        inbound_answer(request, 200, "{\"ok\":true}");
}

static void on_health_check(void *context)
{
    ((struct fixture *)context)->health_checks++;
}

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct inbound_events events = {on_callback, on_health_check, fixture};
    fixture->loop = loop_create(&error);
    fixture->inbound = inbound_create("127.0.0.1:0", &events, &error);
    assert_non_null(fixture->inbound);
    inbound_serve(fixture->inbound, fixture->loop);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    inbound_free(fixture->inbound);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture)
{
    struct error error;
    assert_true(loop_turn(fixture->loop, 5, &error));
}

static int connect_client(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(inbound_port(fixture->inbound)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void send_bytes(int fd, const char *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Turns until the answer holds `wanted` or the connection ends; "" when it ended without a byte. */
static char *receive(struct fixture *fixture, int fd, const char *wanted, char answer[ANSWER_BYTES])
{
    size_t length = 0;
    answer[0] = '\0';
    for (int i = 0; i < PATIENCE_TURNS && !strstr(answer, wanted); i++) {
        turn(fixture);
        ssize_t count = recv(fd, answer + length, ANSWER_BYTES - 1 - length, MSG_DONTWAIT);
        if (count == 0)
            break;
        length += count > 0 ? (size_t)count : 0;
        answer[length] = '\0';
    }
    return answer;
}

/* Sends a whole request whose answer ends the connection, and expects this status. */
static void ask(struct fixture *fixture, const char *request, int status, char answer[ANSWER_BYTES])
{
    char line[32];
    int fd = connect_client(fixture);
    snprintf(line, sizeof line, "HTTP/1.1 %d", status);
    send_bytes(fd, request, strlen(request));
    receive(fixture, fd, "never in an answer", answer);
    close(fd);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("'%.60s' got: %s", request, answer);
}

static void health_is_good_for_all_and_noted_for_dds_alone(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    assert_int_equal(fixture->health_checks, 0);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nUser-Agent: DDS v1\r\nConnection: close\r\n\r\n", 200,
        answer);
    assert_int_equal(fixture->health_checks, 1);
    ask(fixture, "GET /behind/a/proxy/health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    ask(fixture, "HEAD /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    assert_null(strstr(answer, "ok"));
}

static void other_paths_and_methods_are_refused(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture, "GET / HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404, answer);
    ask(fixture, "GET /health/../../etc/passwd HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404,
        answer);
    ask(fixture, "GET /%00%ff%0d%0aX HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 404, answer);
    ask(fixture, "DELETE /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 405, answer);
    assert_non_null(strstr(answer, "Allow: GET, HEAD"));
    ask(fixture, "GET /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 405,
        answer);
    assert_non_null(strstr(answer, "Allow: POST"));
    assert_int_equal(fixture->callbacks, 0);
}

static void a_callback_in_pieces_arrives_whole(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"id\"";
    for (size_t i = 0; i < sizeof head - 1; i++) {
        send_bytes(fd, head + i, 1);
        turn(fixture);
    }
    assert_int_equal(fixture->callbacks, 0);
    send_bytes(fd, ":\"a\"}x", 6);
    receive(fixture, fd, "never in an answer", answer);
    close(fd);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "{\"ok\":true}"));
    assert_string_equal(fixture->body, "{\"id\":\"a\"}x");
}

static void a_chunked_callback_and_one_that_expects_100_continue_arrive(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture,
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        200, answer);
    assert_string_equal(fixture->body, "abcde");

    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    send_bytes(fd, head, sizeof head - 1);
    assert_non_null(strstr(receive(fixture, fd, "100 Continue", answer), "100 Continue"));
    send_bytes(fd, "{}", 2);
    assert_non_null(strstr(receive(fixture, fd, "{\"ok\":true}", answer), "HTTP/1.1 200"));
    close(fd);
}

static void a_body_above_the_limit_is_refused_declared_or_not(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    ask(fixture,
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nExpect: 100-continue\r\n"
        "Content-Length: 99999999999\r\n\r\n",
        413, answer);
    assert_null(strstr(answer, "100 Continue"));

    int fd = connect_client(fixture);
    const char head[] = "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nConnection: close\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n1000\r\n";
    char chunk[4096];
    memset(chunk, 'x', sizeof chunk);
    send_bytes(fd, head, sizeof head - 1);
    for (int i = 0; i <= LIMIT_CALLBACK_BODY_BYTES / 4096; i++) {
        send_bytes(fd, chunk, sizeof chunk);
        send_bytes(fd, "\r\n1000\r\n", 8);
        turn(fixture);
    }
    send_bytes(fd, chunk, sizeof chunk);
    send_bytes(fd, "\r\n0\r\n\r\n", 7);
    assert_non_null(strstr(receive(fixture, fd, "too large", answer), "HTTP/1.1 413"));
    close(fd);
    assert_int_equal(fixture->callbacks, 0);
}

static void rubbish_and_endless_headers_end_the_connection_only(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    char headers[64 * 1024];
    memset(headers, 'a', sizeof headers);
    int fds[] = {connect_client(fixture), connect_client(fixture), connect_client(fixture)};
    send_bytes(fds[0], "\x16\x03\x01\0\0\xff\r\n\r\n", 10);
    send_bytes(fds[1], "GET /health HTTP/1.1\r\nX: ", 25);
    send_bytes(fds[1], headers, sizeof headers);
    send_bytes(fds[2], "GET /hea", 8);
    shutdown(fds[2], SHUT_WR);
    for (int i = 0; i < 20; i++)
        turn(fixture);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
}

static void more_connections_than_allowed_wait_for_a_free_place(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fds[64 + 8];
    enum { COUNT = sizeof fds / sizeof fds[0] };
    const char request[] = "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n";
    for (size_t i = 0; i < COUNT; i++) {
        fds[i] = connect_client(fixture);
        turn(fixture);
    }
    send_bytes(fds[COUNT - 1], request, sizeof request - 1);
    /* One that has a place is answered, and the last has to wait, though it asked first. */
    send_bytes(fds[0], request, sizeof request - 1);
    assert_non_null(strstr(receive(fixture, fds[0], "ok", answer), "HTTP/1.1 200"));
    assert_int_equal(recv(fds[COUNT - 1], answer, sizeof answer, MSG_DONTWAIT), -1);
    for (size_t i = 0; i < COUNT - 1; i++)
        close(fds[i]);
    assert_non_null(strstr(receive(fixture, fds[COUNT - 1], "ok", answer), "HTTP/1.1 200"));
    close(fds[COUNT - 1]);
}

static void send_held_callback(struct fixture *fixture, int fd)
{
    const char request[] =
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{}";
    fixture->hold = true;
    send_bytes(fd, request, sizeof request - 1);
    for (int i = 0; i < PATIENCE_TURNS && !fixture->held; i++)
        turn(fixture);
    assert_non_null(fixture->held);
}

static void a_callback_is_answered_later_with_what_authd_says(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    /* A held callback keeps nobody else waiting. */
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
    inbound_answer(fixture->held, 422, "missing id");
    assert_non_null(strstr(receive(fixture, fd, "missing id", answer), "HTTP/1.1 422"));
    close(fd);
}

static void an_answer_for_a_client_that_left_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    const struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    for (int i = 0; i < 5; i++)
        turn(fixture);
    inbound_answer(fixture->held, 200, "{\"ok\":true}");
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
}

static void stopping_with_a_held_callback_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    int fd = connect_client(fixture);
    send_held_callback(fixture, fd);
    inbound_free(fixture->inbound);
    fixture->inbound = NULL;
    close(fd);
}

/* A byte now and then would keep a connection, and so a place, for ever. */
static void a_request_has_ten_seconds_however_often_a_byte_of_it_comes(void **state)
{
    struct fixture *fixture = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(fixture);
    send_bytes(fd, "GET /health", 11);
    for (int second = 0; second < 9; second++, seconds_ahead++) {
        send_bytes(fd, "x", 1);
        turn(fixture);
        turn(fixture);
        assert_int_equal(recv(fd, answer, sizeof answer, MSG_DONTWAIT), -1);
    }
    seconds_ahead += 2;
    int turns = 0;
    while (turns < PATIENCE_TURNS && recv(fd, answer, sizeof answer, MSG_DONTWAIT) < 0) {
        turn(fixture);
        turns++;
    }
    assert_true(turns < PATIENCE_TURNS);
    close(fd);
    ask(fixture, "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n", 200, answer);
}

static void a_second_instance_at_the_same_port_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    const struct inbound_events events = {on_callback, on_health_check, fixture};
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)inbound_port(fixture->inbound));
    assert_null(inbound_create(address, &events, &error));
    assert_non_null(strstr(error.text, "HTTP_LISTEN"));
    assert_null(inbound_create("no port here", &events, &error));
}

static void an_ipv6_address_stands_in_brackets(void **state)
{
    (void)state;
    struct error error;
    const struct inbound_events events = {on_callback, on_health_check, NULL};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_ipv6 = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof loopback) == 0;
    if (fd >= 0)
        close(fd);
    if (!has_ipv6) {
        print_message("# reason: no IPv6 here\n");
        skip();
    }
    struct inbound *inbound = inbound_create("[::1]:0", &events, &error);
    assert_non_null(inbound);
    assert_true(inbound_port(inbound) > 0);
    inbound_free(inbound);
}

#define WITH_ENDPOINT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ENDPOINT(health_is_good_for_all_and_noted_for_dds_alone),
        WITH_ENDPOINT(other_paths_and_methods_are_refused),
        WITH_ENDPOINT(a_callback_in_pieces_arrives_whole),
        WITH_ENDPOINT(a_chunked_callback_and_one_that_expects_100_continue_arrive),
        WITH_ENDPOINT(a_body_above_the_limit_is_refused_declared_or_not),
        WITH_ENDPOINT(rubbish_and_endless_headers_end_the_connection_only),
        WITH_ENDPOINT(more_connections_than_allowed_wait_for_a_free_place),
        WITH_ENDPOINT(a_callback_is_answered_later_with_what_authd_says),
        WITH_ENDPOINT(an_answer_for_a_client_that_left_is_harmless),
        WITH_ENDPOINT(stopping_with_a_held_callback_is_harmless),
        WITH_ENDPOINT(a_request_has_ten_seconds_however_often_a_byte_of_it_comes),
        WITH_ENDPOINT(a_second_instance_at_the_same_port_is_refused),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
