/* libcommon/ipc/ipc_server.h: one task's jobs cannot take the places of all others. */
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc.h"
#include "libcommon/ipc/ipc_peers.h"
#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_TURNS = 2000 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct loop *loop;
    struct ipc *server;
    struct ipc *asker;
    struct ipc_client *client;
    struct ipc_request *held;
    int handled;
    int refused;
    int answered;
};

static void hold(void *context, struct ipc_request *request, const void *message)
{
    struct fixture *fixture = context;
    (void)message;
    fixture->held = request;
    fixture->handled++;
}

static const struct ipc_handler stored_handlers[] = {{OPERATION_artifact_grow, hold},
                                                     {OPERATION_artifact_finish, hold}};
static const struct ipc_handler session_handlers[] = {{OPERATION_session_cancel, hold}};

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct fixture *fixture = context;
    (void)answer;
    fixture->answered += failure ? 0 : 1;
    fixture->refused += failure && failure->code == ERROR_UNAVAILABLE;
}

/* Turns until both counts are there, and some more for those that must not come. */
static void turn_until(const struct fixture *fixture, int handled, int refused)
{
    struct error error;
    for (int i = 0; (fixture->handled < handled || fixture->refused < refused) && i < PATIENCE_TURNS; i++)
        assert_true(loop_turn(fixture->loop, 10, &error));
    for (int i = 0; i < 20; i++)
        assert_true(loop_turn(fixture->loop, 5, &error));
    assert_int_equal(fixture->handled, handled);
    assert_int_equal(fixture->refused, refused);
}

static void ask(struct fixture *fixture, const char *key, int count)
{
    char rel_path[] = "a";
    for (int i = 0; i < count; i++) {
        struct secret task = SECRET_EMPTY;
        secret_assign(&task, key, strlen(key));
        /* Whichever operation it is. */
        const struct message_artifact_grow grow = {.task_key = task, .rel_path = rel_path};
        const struct message_artifact_finish finish = {.task_key = task, .rel_path = rel_path};
        if (i % 2)
            call_artifact_grow(fixture->client, &grow, on_answer, fixture);
        else
            call_artifact_finish(fixture->client, &finish, on_answer, fixture);
        secret_wipe(&task);
    }
}

static void connect_as(struct fixture *fixture, enum service_id owner, enum service_id asker, enum role role,
                       const struct ipc_handler *handlers, size_t count)
{
    struct error error;
    struct ipc_peers peers;
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    fixture->server = ipc_create(fixture->loop, owner, fixture->folder, &peers, &error);
    assert_true(ipc_serve(fixture->server, role, handlers, count, fixture, &error));
    fixture->asker = ipc_create(fixture->loop, asker, fixture->folder, &peers, &error);
    fixture->client = ipc_client_create(fixture->asker, role, &error);
    assert_non_null(fixture->client);
}

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    temporary_folder_make(fixture->folder, "ipc-tasks");
    fixture->loop = loop_create(&error);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    ipc_free(fixture->asker);
    ipc_free(fixture->server);
    loop_free(fixture->loop);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void each_task_has_its_own_places(void **state)
{
    struct fixture *fixture = *state;
    connect_as(fixture, SERVICE_STORED, SERVICE_RUNNERD, ROLE_stored_runner, stored_handlers, 2);
    ask(fixture, "greedy", LIMIT_PENDING_TASK_REQUESTS);
    turn_until(fixture, LIMIT_PENDING_TASK_REQUESTS, 0);
    struct ipc_request *one = fixture->held;
    ask(fixture, "greedy", 7);
    turn_until(fixture, LIMIT_PENDING_TASK_REQUESTS, 7);
    ask(fixture, "modest", 3);
    turn_until(fixture, LIMIT_PENDING_TASK_REQUESTS + 3, 7);
    /* A place that was given back is free. */
    struct error error;
    error_set(&error, ERROR_CONFLICT, "over");
    ipc_fail(one, &error);
    ask(fixture, "greedy", 2);
    turn_until(fixture, LIMIT_PENDING_TASK_REQUESTS + 4, 8);
}

/* leased asks on behalf of all its tasks. */
static void what_no_job_asks_is_bounded_for_the_role_alone(void **state)
{
    struct fixture *fixture = *state;
    connect_as(fixture, SERVICE_STORED, SERVICE_LEASED, ROLE_stored_session, session_handlers, 1);
    for (int i = 0; i < LIMIT_PENDING_TASK_REQUESTS + 9; i++) {
        struct secret task = SECRET_EMPTY;
        secret_assign(&task, "key", 3);
        call_session_cancel(fixture->client, &(struct message_session_cancel){.task_key = task}, on_answer,
                            fixture);
        secret_wipe(&task);
    }
    turn_until(fixture, LIMIT_PENDING_TASK_REQUESTS + 9, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_task_has_its_own_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_job_asks_is_bounded_for_the_role_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
