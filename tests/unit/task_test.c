#include "services/leased/task/task.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A task between scripted neighbours: DMS, stored and the runner host are what the functions below record and
 * what the tests let them answer.
 */
struct dms_call {
    struct dms_request request;
    char task_id[64];
    char action[16];
    char *body;
    bool open;
};

struct ipc_call {
    ipc_answer_function *on_answer;
    void *context;
};

static struct dms_call dms; /* the newest; a task has at most one open */
static struct ipc_call storage[OPERATION_COUNT];
static bool ended;
static bool ended_with_work;

struct dms_call *dms_send(const struct dms_client *client, const struct dms_request *request)
{
    (void)client;
    assert_false(dms.open);
    free(dms.body);
    dms = (struct dms_call){.request = *request, .open = true, .body = memory_copy_text(request->body)};
    snprintf(dms.task_id, sizeof dms.task_id, "%s", request->task_id);
    snprintf(dms.action, sizeof dms.action, "%s", request->action);
    return &dms;
}

void dms_cancel(struct dms_call *call)
{
    if (call)
        call->open = false;
}

const char *dms_describe(const struct dms_answer *answer, char out[DMS_TEXT_BYTES])
{
    snprintf(out, DMS_TEXT_BYTES, "status %d", answer->response ? answer->response->status : 0);
    return out;
}

struct ipc_call *ipc_send(struct ipc_client *client, enum operation operation, const void *request,
                          int64_t deadline_ms, ipc_answer_function *on_answer, void *context)
{
    (void)client;
    (void)request;
    (void)deadline_ms;
    storage[operation] = (struct ipc_call){on_answer, context};
    return &storage[operation];
}

void ipc_cancel(struct ipc_call *call)
{
    if (call)
        call->on_answer = NULL;
}

void ipc_answer(struct ipc_request *request, const void *answer)
{
    (void)request;
    (void)answer;
}

void ipc_fail(struct ipc_request *request, const struct error *error)
{
    (void)request;
    (void)error;
}

/* --- the fixture --- */

struct fixture {
    struct random random;
    struct task_surroundings surroundings;
    struct task *task;
};

static void on_ended(void *context, bool did_work)
{
    (void)context;
    ended = true;
    ended_with_work = did_work;
}

static void on_capabilities(void *context, const struct text_list *capabilities)
{
    (void)context;
    (void)capabilities;
}

static void on_slots(void *context)
{
    (void)context;
}

static void on_gone(void *context, struct runner_host *host)
{
    task_on_host_gone(((struct fixture *)context)->task, host);
}

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const struct runner_hosts_events events = {on_capabilities, on_slots, on_gone, fixture};
    fixture->random = random_seeded(3);
    fixture->surroundings = (struct task_surroundings){.loop = loop_create(&error),
                                                       .random = &fixture->random,
                                                       .hosts = runner_hosts_create(&events),
                                                       .heartbeat_rules = {.request_timeout_ms = 30000},
                                                       .owner = "owner",
                                                       .on_ended = on_ended,
                                                       .context = fixture};
    ended = ended_with_work = false;
    memset(storage, 0, sizeof storage);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->task)
        task_free(fixture->task);
    runner_hosts_free(fixture->surroundings.hosts);
    loop_free(fixture->surroundings.loop);
    free(dms.body);
    memset(&dms, 0, sizeof dms);
    free(fixture);
    return 0;
}

#define TASK_ID "3ce78075-c9af-4b82-a4ad-550e0a48f62a"
#define NEW_ID "39781a6c-afde-4914-be7c-4e4f1623c739"
#define STORAGE                                                                                              \
    "\"domain_id\":\"6e31f040-bf2c-4bb6-9394-6e25a2f2d4ef\",\"domain_server_url\":\"http://d\","             \
    "\"access_token\":\"t\","
#define TASK "\"task\":{\"id\":\"" TASK_ID "\",\"capability\":\"/x\"}}"

static void turn(struct fixture *fixture)
{
    struct error error;
    for (int i = 0; i < 3; i++)
        assert_true(loop_turn(fixture->surroundings.loop, 2, &error));
}

static void lease_task(struct fixture *fixture, const char *envelope)
{
    struct lease lease;
    struct error error;
    assert_true(lease_decode(&lease, envelope, strlen(envelope), &error));
    if (fixture->task)
        task_free(fixture->task);
    fixture->task = task_create(&fixture->surroundings, &lease, 0, 0);
    turn(fixture);
}

static void dms_answers(int status, const char *body)
{
    const struct http_response response = {
        .status = status, .body = body, .body_bytes = strlen(body), .retry_after_ms = -1, .date_unix_ms = -1};
    const struct dms_answer answer = {.response = &response, .sent = true};
    assert_true(dms.open);
    dms.open = false;
    dms.request.on_done(dms.request.context, &answer);
}

static void answers(enum operation operation, const void *answer, enum error_code failure)
{
    struct ipc_call call = storage[operation];
    struct error error;
    assert_non_null(call.on_answer);
    storage[operation].on_answer = NULL;
    error_set(&error, failure, "it failed");
    call.on_answer(call.context, failure ? NULL : answer, failure ? &error : NULL);
}

static void stored_opens(void)
{
    static char workspace[] = "w";
    const struct message_session_opened opened = {.workspace = workspace};
    answers(OPERATION_session_open, &opened, ERROR_NONE);
}

static void a_host_comes(struct fixture *fixture)
{
    static char id[] = "id";
    static char capability[] = "/x";
    struct message_capability one = {.name = capability, .max_concurrency = 1};
    const struct message_host_hello hello = {.host_id = id, .host_name = id, .capabilities = {&one, 1}};
    const struct text_list none = {NULL, 0};
    runner_hosts_hello(fixture->surroundings.hosts, NULL, &hello, &none, 0);
}

static void run(struct fixture *fixture)
{
    a_host_comes(fixture);
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(200, "{}");
    stored_opens();
    assert_string_equal(task_describe(fixture->task), "running");
}

static void stored_lists(void)
{
    const struct message_artifacts none = {.artifacts = {NULL, 0}};
    answers(OPERATION_session_artifacts, &none, ERROR_NONE);
}

static void expect_sent(const char *action, const char *part)
{
    assert_true(dms.open);
    assert_string_equal(dms.action, action);
    if (!strstr(dms.body, part))
        fail_msg("%s lacks %s", dms.body, part);
}

static void expect_closed(void)
{
    const struct message_done done = {0};
    answers(OPERATION_session_close, &done, ERROR_NONE);
    assert_true(ended);
}

/* --- tests --- */

static void a_task_goes_from_its_first_heartbeat_to_its_report(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_finish(fixture->task, true, NULL);
    stored_lists();
    expect_sent("complete", "\"task_id\":\"" TASK_ID "\"");
    dms_answers(503, "");
    assert_false(ended);
    task_give_up(fixture->task);
    expect_closed();
}

static void a_rename_counts_for_later_calls_and_the_report(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_set_progress, 1, "{\"p\":1}", &error));
    turn(fixture);
    expect_sent("heartbeat", "{\"p\":1}");
    dms_answers(200, "{\"task_id\":\"" NEW_ID "\"}");
    task_on_finish(fixture->task, false, "broke");
    stored_lists();
    expect_sent("fail", "\"task_id\":\"" NEW_ID "\"");
    assert_string_equal(dms.task_id, NEW_ID);
    dms_answers(200, "");
    expect_closed();
    assert_true(ended_with_work);
}

static void the_last_events_reach_dms_before_the_report(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "{\"e\":1}", &error));
    task_on_finish(fixture->task, true, NULL);
    stored_lists();
    expect_sent("heartbeat", "{\"e\":1}");
    dms_answers(400, ""); /* once refused is not given up */
    assert_false(dms.open);
    for (int i = 0; i < 600 && !dms.open; i++)
        turn(fixture);
    expect_sent("heartbeat", "{\"e\":1}");
    dms_answers(200, "{}");
    expect_sent("complete", "output_cids");
}

static void a_cancel_in_the_answer_to_the_last_heartbeat_means_no_report(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    task_on_finish(fixture->task, true, NULL);
    stored_lists();
    dms_answers(200, "{\"cancel\":true}");
    assert_false(dms.open);
    expect_closed();
}

static void updates_after_the_end_are_refused_and_repeats_are_not(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    task_on_finish(fixture->task, true, NULL);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    assert_false(task_on_update(fixture->task, pending_updates_add_event, 2, "2", &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    task_on_finish(fixture->task, false, "a repeat");
    stored_lists();
    dms_answers(200, "");
    expect_sent("complete", "");
}

static void updates_of_a_cancelled_job_never_hold_up_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    turn(fixture);
    dms_answers(200, "{\"cancel\":true}");
    for (int i = 2; i < 3000; i++)
        assert_true(task_on_update(fixture->task, pending_updates_add_event, i, "1", &error));
    assert_false(dms.open);
    task_on_finish(fixture->task, false, "cancelled");
    expect_closed();
}

static void a_failed_set_up_is_reported_and_counts_as_idle(void **state)
{
    struct fixture *fixture = *state;
    lease_task(fixture, "{" TASK);
    dms_answers(200, "");
    expect_sent("fail", "{\"reason\":\"node_setup_failed\",\"details\":{\"stage\":\"build_ports\"");
    dms_answers(307, ""); /* tried again */
    assert_false(ended);
    task_give_up(fixture->task);
    assert_true(ended);
    assert_false(ended_with_work);
}

static void a_finally_refused_first_heartbeat_fails_the_set_up_and_a_lost_lease_is_not_reported(void **state)
{
    struct fixture *fixture = *state;
    lease_task(fixture, "{" STORAGE TASK);
    expect_sent("heartbeat", "{\"progress\":{},\"events\":[]}");
    dms_answers(422, "");
    expect_sent("fail", "\"stage\":\"initial_heartbeat\"");
    dms_answers(200, "");
    assert_true(ended);
    ended = false;
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(410, "");
    assert_false(dms.open);
    assert_true(ended);
    assert_false(ended_with_work);
}

static void a_drain_fails_what_does_not_run_yet_at_once(void **state)
{
    struct fixture *fixture = *state;
    lease_task(fixture, "{" STORAGE TASK);
    task_on_drain(fixture->task, false);
    expect_sent("fail", "\"reason\":\"node_draining\"");
    dms_answers(200, "");
    assert_true(ended);
    ended = false;
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(200, "");
    task_on_drain(fixture->task, false);
    expect_sent("fail", "\"reason\":\"node_draining\"");
    stored_opens(); /* too late to matter */
    dms_answers(200, "");
    expect_closed();
}

static void a_drain_leaves_a_running_job_its_grace(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_drain(fixture->task, false);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_drain(fixture->task, true);
    task_on_finish(fixture->task, false, "cancelled");
    stored_lists();
    expect_sent("fail", "\"reason\":\"node_draining\"");
}

static void a_workspace_that_holds_too_much_fails_its_task(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_overrun(fixture->task, NEW_ID, 200, 100);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_overrun(fixture->task, TASK_ID, 200, 100);
    task_on_overrun(fixture->task, TASK_ID, 300, 100); /* until the session is closed */
    assert_string_equal(task_describe(fixture->task), "stopping");
    assert_non_null(storage[OPERATION_session_cancel].on_answer);
    task_on_finish(fixture->task, false, "cancelled");
    stored_lists();
    expect_sent("fail", "\"reason\":\"the workspace has 200 bytes, the limit is 100 (disk_full)\"");
}

static void an_overrun_is_no_matter_once_the_job_is_over(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_finish(fixture->task, true, NULL);
    task_on_overrun(fixture->task, TASK_ID, 200, 100);
    answers(OPERATION_session_artifacts, NULL, ERROR_NOT_FOUND);
    expect_sent("fail", "\"reason\":\"the list of artifacts is lost");
}

static void a_job_that_its_host_does_not_name_is_lost(void **state)
{
    struct fixture *fixture = *state;
    const struct text_list none = {NULL, 0};
    struct text_list keys = {NULL, 0};
    run(fixture);
    task_add_key_if_on_host(fixture->task, "id", &keys);
    assert_int_equal(keys.count, 1);
    task_on_host_hello(fixture->task, "id", &none); /* the start was not fetched yet */
    task_on_host_hello(fixture->task, "other", &none);
    assert_string_equal(task_describe(fixture->task), "running");
    static char id[] = "id";
    const struct message_host_next fetched = {.host_id = id, .acknowledged = 1};
    runner_hosts_next(fixture->surroundings.hosts, NULL, &fetched, 0);
    task_on_host_hello(fixture->task, "id", &keys);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_host_hello(fixture->task, "id", &none);
    stored_lists();
    expect_sent("fail", "does not know the job");
    assert_non_null(runner_hosts_find_slot(fixture->surroundings.hosts, "/x"));
    text_list_clear(&keys);
}

static void a_new_token_reaches_a_session_that_was_still_opening(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    a_host_comes(fixture);
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(200, "{\"access_token\":\"t2\"}");
    stored_opens(); /* with t2 already */
    assert_null(storage[OPERATION_session_update].on_answer);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    turn(fixture);
    dms_answers(200, "{\"access_token\":\"t3\"}");
    answers(OPERATION_session_update, NULL, ERROR_TIMEOUT);
    assert_null(storage[OPERATION_session_update].on_answer);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 2, "2", &error));
    turn(fixture);
    dms_answers(200, ""); /* brings nothing, but stored still lacks t3 */
    assert_non_null(storage[OPERATION_session_update].on_answer);
}

static void a_silent_stored_is_asked_again_for_the_artifacts(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_finish(fixture->task, true, NULL);
    answers(OPERATION_session_artifacts, NULL, ERROR_TIMEOUT);
    stored_lists();
    expect_sent("complete", "");
    dms_answers(200, "");
    expect_closed();
}

#define TASK_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(a_task_goes_from_its_first_heartbeat_to_its_report),
        TASK_TEST(a_rename_counts_for_later_calls_and_the_report),
        TASK_TEST(the_last_events_reach_dms_before_the_report),
        TASK_TEST(a_cancel_in_the_answer_to_the_last_heartbeat_means_no_report),
        TASK_TEST(updates_after_the_end_are_refused_and_repeats_are_not),
        TASK_TEST(updates_of_a_cancelled_job_never_hold_up_its_end),
        TASK_TEST(a_failed_set_up_is_reported_and_counts_as_idle),
        TASK_TEST(a_finally_refused_first_heartbeat_fails_the_set_up_and_a_lost_lease_is_not_reported),
        TASK_TEST(a_drain_fails_what_does_not_run_yet_at_once),
        TASK_TEST(a_drain_leaves_a_running_job_its_grace),
        TASK_TEST(a_workspace_that_holds_too_much_fails_its_task),
        TASK_TEST(an_overrun_is_no_matter_once_the_job_is_over),
        TASK_TEST(a_job_that_its_host_does_not_name_is_lost),
        TASK_TEST(a_new_token_reaches_a_session_that_was_still_opening),
        TASK_TEST(a_silent_stored_is_asked_again_for_the_artifacts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
