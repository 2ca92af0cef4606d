#include "libcommon/ipc/ipc.h"

#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One loop with both ends: what leased asks of authd and httpd of authd, over real sockets. */
struct fixture {
    char folder[64];
    struct loop *loop;
    struct ipc *server;
    struct ipc *client;
    int handled;
    struct ipc_request *held;
    int answers;
    int64_t last_token;
    struct error last_failure;
};

enum { PATIENCE_TURNS = 2000 };

static void handle_token_get(void *context, struct ipc_request *request, const void *message)
{
    struct fixture *fixture = context;
    const struct message_token_get *get = message;
    fixture->handled++;
    if (get->refused_token == 99) {
        fixture->held = request;
        return;
    }
    if (get->refused_token == 13) {
        struct error error;
        error_set(&error, ERROR_CONFLICT, "no luck");
        error.status = 409;
        ipc_fail(request, &error);
        return;
    }
    struct message_token token = {.token_number = get->refused_token + 1, .expires_at_unix_ms = 1};
    static const char long_token[LIMIT_TOKEN_BYTES + 1];
    secret_assign(&token.access_token, long_token, get->refused_token == 14 ? sizeof long_token : 1);
    ipc_answer(request, &token);
    message_clear(&message_token_type, &token);
}

static const struct ipc_handler handlers[] = {{OPERATION_token_get, handle_token_get}};

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct fixture *fixture = context;
    const struct message_token *token = answer;
    fixture->answers++;
    if (failure)
        fixture->last_failure = *failure;
    else
        fixture->last_token = token->token_number;
}

static void turn_until(struct fixture *fixture, const int *counter, int wanted)
{
    struct error error;
    for (int i = 0; *counter < wanted && i < PATIENCE_TURNS; i++)
        assert_true(loop_turn(fixture->loop, 10, &error));
    assert_int_equal(*counter, wanted);
}

static bool serve(struct fixture *fixture, struct error *error)
{
    struct ipc_peers peers;
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, error));
    fixture->server = ipc_create(fixture->loop, SERVICE_AUTHD, fixture->folder, &peers, error);
    return fixture->server && ipc_serve(fixture->server, ROLE_authd_token, handlers, 1, fixture, error);
}

static int set_up(void **state)
{
    struct error error;
    struct ipc_peers peers;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->folder, "/tmp/posemesh-ipc-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->loop = loop_create(&error);
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    assert_true(serve(fixture, &error));
    fixture->client = ipc_create(fixture->loop, SERVICE_LEASED, fixture->folder, &peers, &error);
    *state = fixture;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ipc_free(fixture->client);
    ipc_free(fixture->server);
    loop_free(fixture->loop);
    assert_int_equal(nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(fixture);
    return 0;
}

static struct ipc_client *token_client(struct fixture *fixture)
{
    struct error error;
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_authd_token, &error);
    assert_non_null(client);
    return client;
}

static void a_request_is_answered(void **state)
{
    struct fixture *fixture = *state;
    const struct message_token_get request = {.refused_token = 41};
    call_token_get(token_client(fixture), &request, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 42);
}

static void a_failure_keeps_its_code_its_text_and_its_status(void **state)
{
    struct fixture *fixture = *state;
    const struct message_token_get request = {.refused_token = 13};
    call_token_get(token_client(fixture), &request, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
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
    turn_until(fixture, &fixture->answers, 51);
    assert_int_equal(fixture->last_token, 7);
}

static void nobody_there_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_stored_session, &error);
    const struct message_session_close request = {.task_key = {(char[]){"k"}, 1}};
    ipc_send(client, OPERATION_session_close, &request, 30, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_TIMEOUT);
}

static void a_request_outlives_its_peer_s_restart(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get held = {.refused_token = 99};
    call_token_get(client, &held, on_answer, fixture);
    turn_until(fixture, &fixture->handled, 1);
    ipc_free(fixture->server);
    fixture->held = NULL;
    assert_true(serve(fixture, &error));
    turn_until(fixture, &fixture->handled, 2);
    assert_non_null(fixture->held);
}

static void a_request_made_while_its_peer_is_away_waits_for_it(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get held = {.refused_token = 99};
    const struct message_token_get request = {.refused_token = 1};
    call_token_get(client, &held, on_answer, fixture);
    turn_until(fixture, &fixture->handled, 1);
    ipc_free(fixture->server);
    fixture->held = NULL;
    for (int i = 0; i < 20; i++) {
        if (i == 5)
            call_token_get(client, &request, on_answer, fixture);
        assert_true(loop_turn(fixture->loop, 5, &error));
    }
    call_token_get(client, &request, on_answer, fixture);
    assert_true(serve(fixture, &error));
    turn_until(fixture, &fixture->answers, 2);
}

/* What a process that is being killed does: it takes the connection and is gone before it says a word. */
static void a_peer_that_hangs_up_in_the_handshake_is_dialed_again(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ipc_free(fixture->server);
    fixture->server = NULL;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/authd/token/sock", fixture->folder);
    unlink(address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get request = {.refused_token = 1};
    call_token_get(client, &request, on_answer, fixture);
    /* Each time it waits longer before it tries again. */
    struct pollfd dialed = {.fd = listener, .events = POLLIN};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(poll(&dialed, 1, 10000), 1);
        close(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    }
    close(listener);
    unlink(address.sun_path);
    assert_true(serve(fixture, &error));
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
}

static void a_cancelled_call_is_never_answered(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get request = {.refused_token = 1};
    ipc_cancel(call_token_get(client, &request, on_answer, fixture));
    call_token_get(client, &request, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
}

/* --- a hostile peer: nng's protocol by hand, on a plain socket --- */

static int connect_raw(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/authd/token/sock", fixture->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The handshake of REQ (protocol 48), then one frame that declares `declared` bytes and brings `length`. */
static void send_frame(int fd, uint64_t declared, const void *bytes, size_t length)
{
    uint8_t head[9] = {1};
    for (int i = 0; i < 8; i++)
        head[8 - i] = (uint8_t)(declared >> (8 * i));
    send(fd, head, sizeof head, MSG_NOSIGNAL | MSG_DONTWAIT);
    send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The service finds them gone when it answers their greeting: that must not be the last one that it lets in.
 */
static void peers_that_are_gone_before_they_are_let_in_keep_nobody_out(void **state)
{
    struct fixture *fixture = *state;
    const struct message_token_get request = {.refused_token = 1};
    for (int i = 0; i < 200; i++)
        close(connect_raw(fixture));
    struct ipc_client *client = token_client(fixture);
    call_token_get(client, &request, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
}

static void rubbish_floods_and_half_messages_disturb_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    const struct message_token_get request = {.refused_token = 1};
    struct ipc_client *client = token_client(fixture);
    int fds[6];
    enum { COUNT = sizeof fds / sizeof fds[0] };
    for (size_t i = 0; i < COUNT; i++) {
        fds[i] = connect_raw(fixture);
        if (i)
            send(fds[i], "\0SP\0\0\x30\0\0", 8, MSG_NOSIGNAL);
    }
    send(fds[0], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
    send_frame(fds[1], UINT64_MAX, "x", 1);        /* declares all there is */
    send_frame(fds[2], 1000, "\x80\0\0\1half", 8); /* never ends */
    send_frame(fds[3], 2, "\0\0", 2);              /* no request number */
    send_frame(fds[4], 9, "\x80\0\0\1\xdd\xff\xff\xff\xff", 9);
    for (int i = 0; i < 2000; i++) { /* never reads an answer */
        send_frame(fds[5], 5, "\x80\0\0\1\xc1", 5);
        assert_true(loop_turn(fixture->loop, 0, &error));
    }
    call_token_get(client, &request, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
    for (size_t i = 0; i < COUNT; i++)
        close(fds[i]);
    for (int i = 0; i < 20; i++)
        assert_true(loop_turn(fixture->loop, 5, &error));
    assert_int_equal(fixture->handled, 1);
}

static void requests_above_the_pending_limit_are_refused_and_the_others_kept(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    const struct message_token_get held = {.refused_token = 99};
    for (int i = 0; i < LIMIT_PENDING_REQUESTS + 5; i++)
        call_token_get(client, &held, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 5);
    assert_int_equal(fixture->last_failure.code, ERROR_UNAVAILABLE);
    assert_int_equal(fixture->handled, LIMIT_PENDING_REQUESTS);
}

static void an_answer_to_a_peer_that_is_gone_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    const struct message_token_get held = {.refused_token = 99};
    call_token_get(token_client(fixture), &held, on_answer, fixture);
    turn_until(fixture, &fixture->handled, 1);
    ipc_free(fixture->client);
    fixture->client = NULL;
    for (int i = 0; i < 10; i++)
        assert_true(loop_turn(fixture->loop, 5, &error));
    error_set(&error, ERROR_CONFLICT, "late");
    ipc_fail(fixture->held, &error);
}

static void freeing_with_calls_in_flight_and_answers_posted_is_harmless(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct ipc_client *client = token_client(fixture);
    for (int i = 0; i < 20; i++)
        call_token_get(client, &(struct message_token_get){.refused_token = 1}, on_answer, fixture);
    turn_until(fixture, &fixture->handled, 20);
    /* nng's threads have posted ends that the loop has not run, or are about to. */
    int answers = fixture->answers;
    ipc_free(fixture->client);
    fixture->client = NULL;
    for (int i = 0; i < 20; i++)
        assert_true(loop_turn(fixture->loop, 5, &error));
    assert_int_equal(fixture->answers, answers);
}

static void deadlines_and_cancels_at_any_moment_end_each_call_once(void **state)
{
    struct fixture *fixture = *state;
    struct ipc_client *client = token_client(fixture);
    int expected = 0;
    for (int i = 0; i < 300; i++) {
        const struct message_token_get request = {.refused_token = i % 3 ? 1 : 13};
        struct ipc_call *call =
            ipc_send(client, OPERATION_token_get, &request, 1 + i % 4, on_answer, fixture);
        if (i % 5 == 0)
            ipc_cancel(call);
        else
            expected++;
        struct error error;
        assert_true(loop_turn(fixture->loop, 0, &error));
    }
    turn_until(fixture, &fixture->answers, expected);
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
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_failure.code, ERROR_TOO_LARGE);
    text_list_clear(&hello.running);
}

static void a_role_refuses_operations_that_it_does_not_have(void **state)
{
    struct fixture *fixture = *state;
    const struct message_drain_wait request = {0};
    ipc_send(token_client(fixture), OPERATION_drain_wait, &request, 0, on_answer, fixture);
    turn_until(fixture, &fixture->answers, 1);
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

static void only_the_callers_of_a_role_may_use_it(void **state)
{
    (void)state;
    struct ipc_peers peers;
    struct error error;
    assert_true(
        ipc_peers_parse("authd=11,stored=12,leased=13,httpd=14,runnerd=15,node=16", 1, &peers, &error));
    assert_true(ipc_peers_allow(&peers, ROLE_authd_token, 13));
    assert_false(ipc_peers_allow(&peers, ROLE_authd_token, 14));
    assert_false(ipc_peers_allow(&peers, ROLE_authd_token, 15));
    assert_true(ipc_peers_allow(&peers, ROLE_authd_callback, 14));
    assert_false(ipc_peers_allow(&peers, ROLE_stored_session, 15));
    assert_true(ipc_peers_allow(&peers, ROLE_stored_runner, 15));
    assert_true(ipc_peers_allow(&peers, ROLE_leased_control, 16));
    assert_false(ipc_peers_allow(&peers, ROLE_leased_control, 15));
    assert_false(ipc_peers_allow(&peers, ROLE_leased_status, 1000));
    assert_false(ipc_peers_parse("authd=x", 1, &peers, &error));
    assert_false(ipc_peers_parse("authd", 1, &peers, &error));
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

#define WITH_SOCKETS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOCKETS(a_request_is_answered),
        WITH_SOCKETS(a_failure_keeps_its_code_its_text_and_its_status),
        WITH_SOCKETS(an_answer_that_cannot_be_sent_becomes_a_failure),
        WITH_SOCKETS(many_requests_wait_side_by_side_and_a_held_one_blocks_none),
        WITH_SOCKETS(nobody_there_ends_at_the_deadline),
        WITH_SOCKETS(a_request_outlives_its_peer_s_restart),
        WITH_SOCKETS(a_request_made_while_its_peer_is_away_waits_for_it),
        WITH_SOCKETS(a_peer_that_hangs_up_in_the_handshake_is_dialed_again),
        WITH_SOCKETS(peers_that_are_gone_before_they_are_let_in_keep_nobody_out),
        WITH_SOCKETS(a_cancelled_call_is_never_answered),
        WITH_SOCKETS(rubbish_floods_and_half_messages_disturb_nobody_else),
        WITH_SOCKETS(requests_above_the_pending_limit_are_refused_and_the_others_kept),
        WITH_SOCKETS(an_answer_to_a_peer_that_is_gone_is_harmless),
        WITH_SOCKETS(freeing_with_calls_in_flight_and_answers_posted_is_harmless),
        WITH_SOCKETS(deadlines_and_cancels_at_any_moment_end_each_call_once),
        WITH_SOCKETS(a_request_above_its_limit_is_not_sent),
        WITH_SOCKETS(a_role_refuses_operations_that_it_does_not_have),
        WITH_SOCKETS(a_second_instance_is_refused),
        WITH_SOCKETS(events_reach_who_listens),
        WITH_SOCKETS(an_event_before_its_socket_is_open_reaches_nobody),
        cmocka_unit_test(only_the_callers_of_a_role_may_use_it),
        WITH_SOCKETS(a_folder_too_long_for_sockets_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
