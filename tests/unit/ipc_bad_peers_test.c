/* libcommon/ipc/ipc.h: peers that go away, come back, hang up at odd moments or send rubbish. */
#include "tests/unit/ipc_fixture.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

/* --- peers that go away --- */

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
    turn_until_exactly(fixture, &fixture->handled, 2);
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
    turn_until_exactly(fixture, &fixture->answers, 2);
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
    turn_on(fixture);
    error_set(&error, ERROR_CONFLICT, "late");
    ipc_fail(fixture->held, &error);
}

/* --- peers that do not keep to the protocol: nng's by hand, on a plain socket --- */

static int connect_raw(const struct fixture *fixture)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/authd/token/sock", fixture->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
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
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
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
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
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
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
    for (size_t i = 0; i < COUNT; i++)
        close(fds[i]);
    turn_on(fixture);
    assert_int_equal(fixture->handled, 1);
}

/* --- peers that come in numbers --- */

static int count_hung_up(const int *fds, int count)
{
    int hung_up = 0;
    for (int i = 0; i < count; i++) {
        struct pollfd state = {.fd = fds[i], .events = POLLRDHUP};
        hung_up += poll(&state, 1, 0) == 1;
    }
    return hung_up;
}

static void of_half_handshakes_no_more_are_kept_than_the_bound(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    const struct message_token_get request = {.refused_token = 1};
    int fds[300];
    enum { COUNT = sizeof fds / sizeof fds[0], BOUND = 64 };
    for (int i = 0; i < COUNT; i++) {
        fds[i] = connect_raw(fixture);
        send(fds[i], "\0SP", 3, MSG_NOSIGNAL);
    }
    int hung_up = 0;
    for (int i = 0; i < PATIENCE_TURNS && hung_up < COUNT - BOUND; i++) {
        assert_true(loop_turn(fixture->loop, 1, &error));
        hung_up = count_hung_up(fds, COUNT);
    }
    assert_true(hung_up >= COUNT - BOUND);
    call_token_get(token_client(fixture), &request, on_answer, fixture);
    turn_until_exactly(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last_token, 2);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SOCKETS(a_request_outlives_its_peer_s_restart),
        WITH_SOCKETS(a_request_made_while_its_peer_is_away_waits_for_it),
        WITH_SOCKETS(an_answer_to_a_peer_that_is_gone_is_harmless),
        WITH_SOCKETS(a_peer_that_hangs_up_in_the_handshake_is_dialed_again),
        WITH_SOCKETS(peers_that_are_gone_before_they_are_let_in_keep_nobody_out),
        WITH_SOCKETS(rubbish_floods_and_half_messages_disturb_nobody_else),
        WITH_SOCKETS(of_half_handshakes_no_more_are_kept_than_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
