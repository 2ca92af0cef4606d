/* libcommon/http/http.h: how calls end other than with an answer: timeouts, stalls, lost connections. */
#include "tests/unit/http_fixture.h"

#include <dlfcn.h>
#include <netdb.h>

#define BIG_OK "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

/* Name resolution as a test wants it: "slow.test" takes until the test lets it go on. */
static int resolver_gate[2];

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved names */
int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    typedef int resolve_function(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, "slow.test") == 0) {
        char byte = 0;
        while (read(resolver_gate[0], &byte, 1) < 0)
            continue;
        return EAI_NONAME;
    }
    resolve_function *next = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(name, service, hints, result);
}

static int64_t given_bytes;

static ssize_t counting_source(void *context, int64_t offset, void *out, size_t capacity)
{
    given_bytes += (int64_t)capacity;
    return zero_source(context, offset, out, capacity);
}

static void times_out_as_a_whole(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, BIG_OK, AFTER_HOLD, 10);
    /* On a busy machine the first request of all takes its time to reach the server. */
    fetch(fixture, &outcome, "/", (struct http_request){.timeout_ms = 1000});
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
    run_until_count(fixture, &fixture->server.hung_up, 1);
}

static void times_out_over_all_redirects(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", AFTER_KEEP,
           0);
    script(&fixture->server, NULL, AFTER_HOLD, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.timeout_ms = 1000, .follow_redirects = true});
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
    assert_int_equal(fixture->server.requests, 2);
}

static void fails_when_an_answer_stalls(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct http_request request = {.stall_ms = 80};
    script(&fixture->server, BIG_OK, AFTER_HOLD, 10);
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
    script(&fixture->server, NULL, AFTER_HOLD, 0);
    fetch(fixture, &outcome, "/", request);
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
}

static void fails_when_the_server_stops_reading(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    given_bytes = 0;
    script(&fixture->server, NULL, AFTER_DEAF, 0);
    fetch(fixture, &outcome, "/",
          (struct http_request){
              .method = "PUT", .source = counting_source, .source_bytes = INT64_C(1) << 33, .stall_ms = 80});
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
    assert_true(given_bytes > 0 && given_bytes < INT64_C(1) << 33);
}

/* Lets the server send one byte at each tick of a timer. */
struct pace {
    struct loop_timer timer;
    struct fixture *fixture;
};

static void on_pace(void *context)
{
    struct pace *pace = context;
    server_signal(pace->fixture->server.release);
    loop_timer_start(&pace->timer, 10);
}

static void lets_a_slow_transfer_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct pace pace = {.fixture = fixture};
    loop_timer_init(&pace.timer, fixture->loop, on_pace, &pace);
    script(&fixture->server, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", AFTER_HOLD, 0);
    loop_timer_start(&pace.timer, 0);
    /* Far above the pace, as a loaded machine must not make the test fail, and well below the whole transfer.
     */
    fetch(fixture, &outcome, "/", (struct http_request){.stall_ms = 400, .stall_bytes_per_second = 3});
    loop_timer_stop(&pace.timer);
    assert_int_equal(outcome.failure.code, ERROR_NONE);
    assert_int_equal(outcome.body_bytes, 100);
    outcome_clear(&outcome);
}

static void fails_when_a_transfer_is_too_slow(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct pace pace = {.fixture = fixture};
    loop_timer_init(&pace.timer, fixture->loop, on_pace, &pace);
    script(&fixture->server, BIG_OK, AFTER_HOLD, 0);
    loop_timer_start(&pace.timer, 0);
    fetch(fixture, &outcome, "/", (struct http_request){.stall_ms = 100, .stall_bytes_per_second = 100000});
    loop_timer_stop(&pace.timer);
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
}

static void waits_for_no_name_server(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    struct outcome cancelled = {0};
    size_t descriptors = count_descriptors();
    start(fixture, &cancelled, "http://slow.test/", (struct http_request){0});
    fetch(fixture, &outcome, "http://slow.test/", (struct http_request){.timeout_ms = 60});
    assert_int_equal(outcome.failure.code, ERROR_TIMEOUT);
    http_cancel(cancelled.call);
    assert_int_equal(write(resolver_gate[1], "ab", 2), 2);
    /* The resolver's threads, left to themselves, clean up. */
    int64_t deadline_ms = clock_boot_ms() + SERVER_WAIT_MS;
    while (count_descriptors() > descriptors) {
        assert_true(clock_boot_ms() < deadline_ms);
        turn(fixture);
    }
}

static void calls_a_refused_connection_a_network_error(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    char url[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int unheard = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(unheard, (struct sockaddr *)&address, sizeof(address)), 0);
    getsockname(unheard, (struct sockaddr *)&address, &length);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
    fetch(fixture, &outcome, url, (struct http_request){0});
    assert_int_equal(outcome.failure.code, ERROR_NETWORK);
    assert_false(outcome.sent);
    close(unheard);
}

static void keeps_connections(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    for (int i = 0; i < 3; i++) {
        script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
        fetch(fixture, &outcome, "/", (struct http_request){0});
        outcome_clear(&outcome);
    }
    assert_int_equal(fixture->server.connections, 1);
}

/* The server takes a request on a kept connection and closes without a word. */
static void lose_kept_connection(struct fixture *fixture, struct outcome *outcome, const char *method)
{
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(fixture, outcome, "/", (struct http_request){0});
    outcome_clear(outcome);
    script(&fixture->server, NULL, AFTER_CLOSE, 0);
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(fixture, outcome, "/", (struct http_request){.method = method, .body = "x", .body_bytes = 1});
    outcome_clear(outcome);
}

/* Whether to repeat is the caller's: a GET may lease, and attempts are counted. */
static void repeats_nothing_by_itself(void **state)
{
    static const char *const methods[] = {"GET", "PUT", "DELETE", "POST"};
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        size_t before = fixture->server.requests;
        lose_kept_connection(fixture, &outcome, methods[i]);
        assert_int_equal(outcome.failure.code, ERROR_NETWORK);
        assert_true(outcome.sent);
        assert_int_equal(fixture->server.requests, before + 2);
        /* What was scripted for the repeat. */
        fetch(fixture, &outcome, "/", (struct http_request){0});
        outcome_clear(&outcome);
    }
}

/* Another kept connection would be as dead: a repeat would be lost on it, too. */
static void goes_on_a_fresh_connection_after_a_lost_one(void **state)
{
    struct fixture *fixture = *state;
    struct outcome kept[2] = {0};
    struct outcome outcome = {0};
    for (int i = 0; i < 3; i++)
        script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    start(fixture, &kept[0], "/", (struct http_request){0});
    start(fixture, &kept[1], "/", (struct http_request){0});
    fetch(fixture, &outcome, "/", (struct http_request){0});
    outcome_clear(&outcome);
    for (int i = 0; i < 2; i++) {
        run_until_done(fixture, &kept[i]);
        outcome_clear(&kept[i]);
    }
    assert_int_equal(fixture->server.connections, 3);
    script(&fixture->server, NULL, AFTER_CLOSE, 0);
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.failure.code, ERROR_NETWORK);
    outcome_clear(&outcome);
    size_t connections = fixture->server.connections;
    fetch(fixture, &outcome, "/", (struct http_request){0});
    assert_int_equal(outcome.status, 200);
    assert_int_equal(fixture->server.connections, connections + 1);
    outcome_clear(&outcome);
}

static int open_gate(void **state)
{
    (void)state;
    return pipe(resolver_gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(times_out_as_a_whole),
        ON_SERVER(times_out_over_all_redirects),
        ON_SERVER(fails_when_an_answer_stalls),
        ON_SERVER(fails_when_the_server_stops_reading),
        ON_SERVER(lets_a_slow_transfer_go_on),
        ON_SERVER(fails_when_a_transfer_is_too_slow),
        ON_SERVER(waits_for_no_name_server),
        ON_SERVER(calls_a_refused_connection_a_network_error),
        ON_SERVER(keeps_connections),
        ON_SERVER(repeats_nothing_by_itself),
        ON_SERVER(goes_on_a_fresh_connection_after_a_lost_one),
    };
    return cmocka_run_group_tests(tests, open_gate, NULL);
}
