/* One loop with both ends of a socket: what leased asks of authd. Included by one file of each program. */
#ifndef TESTS_UNIT_IPC_FIXTURE_H
#define TESTS_UNIT_IPC_FIXTURE_H

#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/loop.h"
#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct loop *loop;
    struct ipc *server;
    struct ipc *client;
    int handled;
    struct ipc_request *held;
    int answers;
    int64_t last_token;
    struct error last_failure;
};

enum { PATIENCE_TURNS = 2000, TURNS_FOR_MORE = 20 };

static inline void handle_token_get(void *context, struct ipc_request *request, const void *message)
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

static inline void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct fixture *fixture = context;
    const struct message_token *token = answer;
    fixture->answers++;
    if (failure)
        fixture->last_failure = *failure;
    else
        fixture->last_token = token->token_number;
}

static inline void on_cancelled_answer(void *context, const void *answer, const struct error *failure)
{
    (void)context;
    (void)answer;
    fail_msg("a cancelled call ended: %s", failure ? failure->text : "answered");
}

static inline void turn_until(struct fixture *fixture, const int *counter, int wanted)
{
    struct error error;
    for (int i = 0; *counter < wanted && i < PATIENCE_TURNS; i++)
        assert_true(loop_turn(fixture->loop, 10, &error));
    assert_int_equal(*counter, wanted);
}

/* Time for what must not happen, or not once more, to be seen. */
static inline void turn_on(struct fixture *fixture)
{
    struct error error;
    for (int i = 0; i < TURNS_FOR_MORE; i++)
        assert_true(loop_turn(fixture->loop, 5, &error));
}

static inline void turn_until_exactly(struct fixture *fixture, const int *counter, int wanted)
{
    turn_until(fixture, counter, wanted);
    turn_on(fixture);
    assert_int_equal(*counter, wanted);
}

static inline bool serve(struct fixture *fixture, struct error *error)
{
    struct ipc_peers peers;
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, error));
    fixture->server = ipc_create(fixture->loop, SERVICE_AUTHD, fixture->folder, &peers, error);
    return fixture->server && ipc_serve(fixture->server, ROLE_authd_token, handlers, 1, fixture, error);
}

static inline int set_up(void **state)
{
    struct error error;
    struct ipc_peers peers;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "ipc");
    fixture->loop = loop_create(&error);
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    assert_true(serve(fixture, &error));
    fixture->client = ipc_create(fixture->loop, SERVICE_LEASED, fixture->folder, &peers, &error);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ipc_free(fixture->client);
    ipc_free(fixture->server);
    loop_free(fixture->loop);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static inline struct ipc_client *token_client(struct fixture *fixture)
{
    struct error error;
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_authd_token, &error);
    assert_non_null(client);
    return client;
}

#define WITH_SOCKETS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
