/* For the tests of services/httpd/inbound.h: the endpoint on a free port and clients on plain sockets, all on
 * one loop. */
#ifndef TESTS_UNIT_INBOUND_FIXTURE_H
#define TESTS_UNIT_INBOUND_FIXTURE_H

#include "services/httpd/inbound.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/node/listening_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
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

static inline void on_callback(void *context, struct inbound_request *request, const struct secret *body,
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

static inline void on_health_check(void *context)
{
    ((struct fixture *)context)->health_checks++;
}

static inline int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct inbound_events events = {on_callback, on_health_check, fixture};
    fixture->loop = loop_create(&error);
    fixture->inbound = inbound_create(listening_socket_take("127.0.0.1:0", &error), NULL, &events, &error);
    assert_non_null(fixture->inbound);
    inbound_serve(fixture->inbound, fixture->loop);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    inbound_free(fixture->inbound);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static inline void turn(struct fixture *fixture)
{
    struct error error;
    assert_true(loop_turn(fixture->loop, 5, &error));
}

static inline int connect_client(const struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(inbound_port(fixture->inbound)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void send_bytes(int fd, const char *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Turns until the answer holds `wanted` or the connection ends; "" when it ended without a byte. */
static inline char *receive(struct fixture *fixture, int fd, const char *wanted, char answer[ANSWER_BYTES])
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
static inline void ask(struct fixture *fixture, const char *request, int status, char answer[ANSWER_BYTES])
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

static const char health[] = "GET /health HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n";

static inline void send_held_callback(struct fixture *fixture, int fd)
{
    const char request[] =
        "POST /internal/v1/registrations HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{}";
    fixture->hold = true;
    send_bytes(fd, request, sizeof request - 1);
    for (int i = 0; i < PATIENCE_TURNS && !fixture->held; i++)
        turn(fixture);
    assert_non_null(fixture->held);
}

#define WITH_ENDPOINT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
