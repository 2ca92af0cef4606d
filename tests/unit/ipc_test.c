/* libcommon/ipc/ipc.h: calls and their ends, limits, roles, events. */
#include "tests/unit/ipc_fixture.h"

static void a_request_is_answered(void **state)
{
    struct fixture *fixture = *state;
    const struct message_token_get request = {.refused_token = 41};
    call_token_get(token_client(fixture), &request, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 42);
}

static void a_failure_keeps_its_code_its_text_and_its_status(void **state)
{
    struct fixture *fixture = *state;
    const struct message_token_get request = {.refused_token = 13};
    call_token_get(token_client(fixture), &request, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_CONFLICT);
    assert_int_equal(fixture->last_failure.status, 409);
    assert_string_equal(fixture->last_failure.text, "no luck");
}

static void an_answer_that_cannot_be_sent_becomes_a_failure(void **state)
{
    struct fixture *fixture = *state;
    call_token_get(token_client(fixture), &(struct message_token_get){.refused_token = 14}, on_answer,
                   fixture);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_SYSTEM);
    assert_string_equal(fixture->last_failure.text, "the answer breaks its own limits");
}

static void many_requests_wait_side_by_side_and_a_held_one_blocks_none(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get held = {.refused_token = 99};
    call_token_get(client, &held, on_answer, fixture);
    for (int i = 0; i < 50; i++)
        call_token_get(client, &(struct message_token_get){.refused_token = 1}, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 50);
    struct message_token token = {.token_number = 7, .expires_at_unix_ms = 1};
    secret_assign(&token.access_token, "t", 1);
    ipc_answer(fixture->held, &token);
    message_clear(&message_token_type, &token);
    turn_until_exactly(fixture, &fixture->answers, 51);
    assert_int_equal(fixture->last_token, 7);
}

static void nobody_there_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_stored_session, &error);
    const struct message_session_close request = {.task_key = {(char[]){"k"}, 1}};
    ipc_send(client, OPERATION_session_close, &request, 30, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_TIMEOUT);
}

static void a_cancelled_call_is_never_answered(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get request = {.refused_token = 1};
    ipc_cancel(call_token_get(client, &request, on_cancelled_answer, fixture));
    call_token_get(client, &request, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
}

static void requests_above_the_pending_limit_are_refused_and_the_others_kept(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get held = {.refused_token = 99};
    for (int i = 0; i < LIMIT_PENDING_REQUESTS + 5; i++)
        call_token_get(client, &held, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 5);
    assert_int_equal(fixture->last_failure.code, ERROR_UNAVAILABLE);
    assert_int_equal(fixture->handled, LIMIT_PENDING_REQUESTS);
}

static void freeing_with_calls_in_flight_and_answers_posted_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    for (int i = 0; i < 20; i++)
        call_token_get(client, &(struct message_token_get){.refused_token = 1}, on_answer, fixture);
    turn_until(fixture, &fixture->handled, 20);
    /* nng's threads have posted ends that the loop has not run, or are about to. */
    int answers = fixture->answers;
    ipc_free(fixture->client);
    fixture->client = NULL;
    turn_on(fixture);
    assert_int_equal(fixture->answers, answers);
}

static void deadlines_and_cancels_at_any_moment_end_each_call_once(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    int expected = 0;
    for (int i = 0; i < 300; i++) {
        const struct message_token_get request = {.refused_token = i % 3 ? 1 : 13};
        bool cancelled = i % 5 == 0;
        struct ipc_call *call = ipc_send(client, OPERATION_token_get, &request, 1 + i % 4,
                                         cancelled ? on_cancelled_answer : on_answer, fixture);
        if (cancelled)
            ipc_cancel(call);
        else
            expected++;
        struct error error;
        assert_true(loop_turn(fixture->loop, 0, &error));
    }
    turn_until_exactly(fixture, &fixture->answers, expected);
}

static void a_request_above_its_limit_is_not_sent(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct message_host_hello hello = {.host_id = (char[]){"h"}, .host_name = (char[]){"n"}};
    char key[64];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_leased_runner, &error);
    for (int i = 0; i < LIMIT_LIST_ITEMS + 1; i++)
        text_list_add(&hello.running, key);
    call_host_hello(client, &hello, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_TOO_LARGE);
    text_list_clear(&hello.running);
}

static void a_role_refuses_operations_that_it_does_not_have(void **state)
{
    struct fixture *fixture = *state;
    const struct message_drain_wait request = {0};
    ipc_send(token_client(fixture), OPERATION_drain_wait, &request, 0, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_FORBIDDEN);
    assert_int_equal(fixture->handled, 0);
}

static void a_second_instance_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc *first = fixture->server;
    assert_false(serve(fixture, &error));
    assert_int_equal(error.code, ERROR_CONFLICT);
    ipc_free(fixture->server);
    fixture->server = first;
}

static void count_event(void *context, const void *message)
{
    const struct message_domain_token_wanted *wanted = message;
    assert_string_equal(wanted->task_id, "t1");
    (*(int *)context)++;
}

static void events_reach_who_listens(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    int events = 0;
    const struct message_domain_token_wanted wanted = {.task_id = (char[]){"t1"}};
    struct ipc_peers peers;
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    struct ipc *publisher = ipc_create(fixture->loop, SERVICE_STORED, fixture->folder, &peers, &error);
    assert_true(ipc_open_events(publisher, &error));
    assert_true(ipc_subscribe(fixture->client, EVENT_domain_token_wanted, count_event, &events, &error));
    /* An event before the subscriber is connected gets lost, as events may: it is repeated until one arrives.
     */
    for (int i = 0; !events && i < PATIENCE_TURNS; i++) {
        ipc_publish(publisher, EVENT_domain_token_wanted, &wanted);
        assert_true(loop_turn(fixture->loop, 5, &error));
    }
    assert_true(events > 0);
    ipc_free(publisher);
}

static void an_event_before_its_socket_is_open_reaches_nobody(void **state)
{
    struct fixture *fixture = *state;
    const struct message_domain_token_wanted wanted = {.task_id = (char[]){"t1"}};
    ipc_publish(fixture->server, EVENT_domain_token_wanted, &wanted);
}

static void a_folder_too_long_for_sockets_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_peers peers = {{0}};
    char folder[120];
    memset(folder, 'x', sizeof folder - 1);
    folder[0] = '/';
    folder[sizeof folder - 1] = '\0';
    assert_null(ipc_create(fixture->loop, SERVICE_AUTHD, folder, &peers, &error));
    assert_non_null(strstr(error.text, "POSEMESH_RUNTIME_DIR"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOCKETS(a_request_is_answered),
        WITH_SOCKETS(a_failure_keeps_its_code_its_text_and_its_status),
        WITH_SOCKETS(an_answer_that_cannot_be_sent_becomes_a_failure),
        WITH_SOCKETS(many_requests_wait_side_by_side_and_a_held_one_blocks_none),
        WITH_SOCKETS(nobody_there_ends_at_the_deadline),
        WITH_SOCKETS(a_cancelled_call_is_never_answered),
        WITH_SOCKETS(requests_above_the_pending_limit_are_refused_and_the_others_kept),
        WITH_SOCKETS(freeing_with_calls_in_flight_and_answers_posted_is_harmless),
        WITH_SOCKETS(deadlines_and_cancels_at_any_moment_end_each_call_once),
        WITH_SOCKETS(a_request_above_its_limit_is_not_sent),
        WITH_SOCKETS(a_role_refuses_operations_that_it_does_not_have),
        WITH_SOCKETS(a_second_instance_is_refused),
        WITH_SOCKETS(events_reach_who_listens),
        WITH_SOCKETS(an_event_before_its_socket_is_open_reaches_nobody),
        WITH_SOCKETS(a_folder_too_long_for_sockets_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
