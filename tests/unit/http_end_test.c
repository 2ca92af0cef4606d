/* libcommon/http/http.h: how calls end other than with an answer: timeouts, stalls, cancelling, lost
 * connections.
 */
#include "tests/unit/http_fixture.h"

#include <dlfcn.h>
#include <netdb.h>

#define PLAIN_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
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

static ssize_t zero_source(void *context, int64_t offset, void *out, size_t capacity)
{
    (void)context;
    (void)offset;
    memset(out, 0, capacity);
    return (ssize_t)capacity;
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
    script(&fixture->server, PLAIN_OK, AFTER_CLOSE, 0);
    fetch(fixture, outcome, "/", (struct http_request){.method = method, .body = "x", .body_bytes = 1});
    outcome_clear(outcome);
}

static void repeats_a_put_when_a_kept_connection_is_lost(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    lose_kept_connection(fixture, &outcome, "PUT");
    assert_int_equal(outcome.status, 200);
    assert_int_equal(fixture->server.requests, 3);
    assert_non_null(strstr(fixture->server.texts[2], "\r\n\r\nx"));
}

static void never_repeats_a_post(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    lose_kept_connection(fixture, &outcome, "POST");
    assert_int_equal(outcome.failure.code, ERROR_NETWORK);
    assert_int_equal(fixture->server.requests, 2);
}

/* --- cancelling and freeing from callbacks; `act` says what --- */

static struct outcome other;
static bool acted;

static void act_once(struct outcome *outcome)
{
    if (!acted)
        outcome->act(outcome);
    acted = true;
}

static bool act_on_headers(void *context, const struct http_response *response, struct error *error)
{
    (void)response;
    (void)error;
    act_once(context);
    return true;
}

static bool act_on_data(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)bytes;
    (void)length;
    (void)error;
    act_once(context);
    return true;
}

/* Without an error: nobody may look at it after a cancel. */
static bool act_and_refuse(void *context, const void *bytes, size_t length, struct error *error)
{
    act_on_data(context, bytes, length, error);
    return false;
}

static ssize_t act_on_source(void *context, int64_t offset, void *out, size_t capacity)
{
    act_once(context);
    return zero_source(context, offset, out, capacity);
}

static void act_on_done(void *context, const struct http_response *response, const struct error *failure)
{
    record_done(context, response, failure);
    act_once(context);
}

static void cancel_self(struct outcome *outcome)
{
    http_cancel(outcome->call);
    http_cancel(outcome->call);
}

static void cancel_other(struct outcome *outcome)
{
    (void)outcome;
    http_cancel(other.call);
}

static void cancel_both(struct outcome *outcome)
{
    cancel_other(outcome);
    cancel_self(outcome);
}

static void free_client(struct outcome *outcome)
{
    http_client_free(outcome->fixture->client);
    outcome->fixture->client = NULL;
}

static void send_another(struct outcome *outcome)
{
    script(&outcome->fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    start(outcome->fixture, &other, "/", (struct http_request){0});
}

static void (*const acts[])(struct outcome *) = {cancel_self, cancel_other, cancel_both, free_client};

/* Runs each act in one callback of a call while another is in flight; the one that is cancelled hears nothing
 * more. */
static void cancel_from(struct fixture *fixture, struct http_request request)
{
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        struct outcome outcome = {.act = acts[i]};
        size_t requests = server_count(&fixture->server, &fixture->server.requests);
        acted = false;
        script(&fixture->server, NULL, AFTER_HOLD, 0);
        start(fixture, &other, "/", (struct http_request){0});
        run_until_count(fixture, &fixture->server.requests, requests + 1);
        script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
        start(fixture, &outcome, "/", request);
        int64_t deadline_ms = clock_boot_ms() + SERVER_WAIT_MS;
        while (!acted || (acts[i] == cancel_other && !outcome.done)) {
            assert_true(clock_boot_ms() < deadline_ms);
            turn(fixture);
        }
        if (acts[i] == cancel_self)
            http_cancel(other.call);
        turn(fixture);
        assert_int_equal(other.done, 0);
        assert_int_equal(outcome.done, request.on_done || acts[i] == cancel_other);
        outcome_clear(&outcome);
        if (!fixture->client)
            fixture->client = http_client_create(fixture->loop);
        fixture->server.step_count = server_count(&fixture->server, &fixture->server.requests);
    }
}

static void cancels_from_on_headers(void **state)
{
    cancel_from(*state, (struct http_request){.on_headers = act_on_headers, .on_data = act_on_data});
}

static void cancels_from_on_data(void **state)
{
    cancel_from(*state, (struct http_request){.on_data = act_on_data});
}

static void cancels_from_on_done(void **state)
{
    cancel_from(*state, (struct http_request){.on_done = act_on_done});
}

static void cancels_from_a_source(void **state)
{
    cancel_from(*state,
                (struct http_request){.method = "PUT", .source = act_on_source, .source_bytes = 300000});
}

static void looks_at_no_error_after_a_cancel(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {.act = cancel_self};
    acted = false;
    script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
    start(fixture, &outcome, "/", (struct http_request){.on_data = act_and_refuse});
    while (!acted)
        turn(fixture);
    turn(fixture);
    assert_int_equal(outcome.done, 0);
}

static void sends_from_callbacks(void **state)
{
    struct fixture *fixture = *state;
    struct http_request requests[] = {{.on_data = act_on_data}, {.on_done = act_on_done}};
    for (size_t i = 0; i < 2; i++) {
        struct outcome outcome = {.act = send_another};
        acted = false;
        script(&fixture->server, PLAIN_OK, AFTER_KEEP, 0);
        fetch(fixture, &outcome, "/", requests[i]);
        run_until_done(fixture, &other);
        assert_int_equal(other.status, 200);
        outcome_clear(&outcome);
        outcome_clear(&other);
    }
}

static void cancels_before_the_first_turn(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    start(fixture, &outcome, "/", (struct http_request){0});
    http_cancel(outcome.call);
    start(fixture, &outcome, "no url", (struct http_request){0});
    http_cancel(outcome.call);
    http_cancel(NULL);
    turn(fixture);
    assert_int_equal(outcome.done, 0);
    assert_int_equal(fixture->server.connections, 0);
}

static void closes_the_connection_of_a_cancelled_call(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = {0};
    script(&fixture->server, NULL, AFTER_HOLD, 0);
    start(fixture, &outcome, "/", (struct http_request){0});
    run_until_count(fixture, &fixture->server.requests, 1);
    http_cancel(outcome.call);
    run_until_count(fixture, &fixture->server.hung_up, 1);
    assert_int_equal(outcome.done, 0);
}

static void freeing_the_client_ends_its_calls_silently(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[3] = {0};
    for (size_t i = 0; i < 2; i++) {
        script(&fixture->server, NULL, AFTER_HOLD, 0);
        start(fixture, &outcomes[i], "/", (struct http_request){.stall_ms = 5000, .timeout_ms = 5000});
    }
    run_until_count(fixture, &fixture->server.requests, 2);
    start(fixture, &outcomes[2], "/", (struct http_request){0});
    http_client_free(fixture->client);
    fixture->client = NULL;
    run_until_count(fixture, &fixture->server.hung_up, 2);
    assert_int_equal(outcomes[0].done + outcomes[1].done + outcomes[2].done, 0);
}

static int open_gate(void **state)
{
    (void)state;
    return pipe(resolver_gate);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

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
        ON_SERVER(repeats_a_put_when_a_kept_connection_is_lost),
        ON_SERVER(never_repeats_a_post),
        ON_SERVER(cancels_from_on_headers),
        ON_SERVER(cancels_from_on_data),
        ON_SERVER(cancels_from_on_done),
        ON_SERVER(cancels_from_a_source),
        ON_SERVER(looks_at_no_error_after_a_cancel),
        ON_SERVER(sends_from_callbacks),
        ON_SERVER(cancels_before_the_first_turn),
        ON_SERVER(closes_the_connection_of_a_cancelled_call),
        ON_SERVER(freeing_the_client_ends_its_calls_silently),
    };
    return cmocka_run_group_tests(tests, open_gate, NULL);
}
