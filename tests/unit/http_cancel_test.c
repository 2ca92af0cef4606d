/* libcommon/http/http.h: cancelling calls and freeing the client, at any moment. */
#include "tests/unit/http_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
