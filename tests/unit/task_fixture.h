/*
 * A task between scripted neighbours: DMS, stored and the runner host are what the functions below record and
 * what the tests let them answer. Included by one file of each test program, as it takes the place of
 * dms_send(), ipc_send() and their like.
 */
#ifndef TESTS_UNIT_TASK_FIXTURE_H
#define TESTS_UNIT_TASK_FIXTURE_H

#include "libcommon/base/memory.h"
#include "services/leased/task/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static struct dms_call dms;    /* the newest; a task has one open, or a report */
static struct dms_call beside; /* and the heartbeats meanwhile */
static struct ipc_call storage[OPERATION_COUNT];
static bool ended;
static bool ended_with_work;

struct dms_call *dms_send(const struct dms_client *client, const struct dms_request *request)
{
    (void)client;
    bool reporting = dms.open && strcmp(dms.action, "heartbeat") != 0;
    struct dms_call *call = reporting ? &beside : &dms;
    assert_false(call->open);
    free(call->body);
    *call = (struct dms_call){.request = *request, .open = true, .body = memory_copy_text(request->body)};
    snprintf(call->task_id, sizeof call->task_id, "%s", request->task_id);
    snprintf(call->action, sizeof call->action, "%s", request->action);
    return call;
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

/* --- the task among them --- */

struct fixture {
    struct random random;
    struct task_surroundings surroundings;
    struct task *task;
};

static inline void on_ended(void *context, bool did_work)
{
    (void)context;
    ended = true;
    ended_with_work = did_work;
}

enum { RAN_MS = 17 };        /* what hosts say of each job */
static char jobs_ended[128]; /* "/x succeeded, " and the like, in order */

static inline void on_job_ended(void *context, const char *capability, bool succeeded,
                                int64_t started_boot_ms, int64_t ran_ms)
{
    size_t length = strlen(jobs_ended);
    (void)context;
    assert_true(started_boot_ms > 0);
    assert_int_equal(ran_ms, RAN_MS);
    snprintf(jobs_ended + length, sizeof jobs_ended - length, "%s %s, ", capability,
             succeeded ? "succeeded" : "failed");
}

static inline void on_capabilities(void *context, const struct text_list *capabilities,
                                   const struct text_list *mended)
{
    (void)context;
    (void)capabilities;
    (void)mended;
}

static inline void on_slots(void *context)
{
    (void)context;
}

static inline void on_gone(void *context, struct runner_host *host)
{
    task_on_host_gone(((struct fixture *)context)->task, host);
}

static inline int set_up(void **state)
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
                                                       .on_job_ended = on_job_ended,
                                                       .context = fixture};
    ended = ended_with_work = false;
    jobs_ended[0] = '\0';
    memset(storage, 0, sizeof storage);
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->task)
        task_free(fixture->task);
    runner_hosts_free(fixture->surroundings.hosts);
    loop_free(fixture->surroundings.loop);
    free(dms.body);
    free(beside.body);
    memset(&dms, 0, sizeof dms);
    memset(&beside, 0, sizeof beside);
    free(fixture);
    return 0;
}

#define TASK_ID "3ce78075-c9af-4b82-a4ad-550e0a48f62a"
#define NEW_ID "39781a6c-afde-4914-be7c-4e4f1623c739"
#define STORAGE                                                                                              \
    "\"domain_id\":\"6e31f040-bf2c-4bb6-9394-6e25a2f2d4ef\",\"domain_server_url\":\"http://d\","             \
    "\"access_token\":\"t\","
#define TASK "\"task\":{\"id\":\"" TASK_ID "\",\"capability\":\"/x\"}}"

static inline void turn(struct fixture *fixture)
{
    struct error error;
    for (int i = 0; i < 3; i++)
        assert_true(loop_turn(fixture->surroundings.loop, 2, &error));
}

static inline void lease_task(struct fixture *fixture, const char *envelope)
{
    struct lease lease;
    struct error error;
    assert_true(lease_decode(&lease, envelope, strlen(envelope), &error));
    if (fixture->task)
        task_free(fixture->task);
    fixture->task = task_create(&fixture->surroundings, &lease, 0, 0);
    turn(fixture);
}

static inline void dms_answers_call(struct dms_call *call, int status, const char *body)
{
    const struct http_response response = {
        .status = status, .body = body, .body_bytes = strlen(body), .retry_after_ms = -1, .date_unix_ms = -1};
    const struct dms_answer answer = {.response = &response, .sent = true};
    assert_true(call->open);
    call->open = false;
    call->request.on_done(call->request.context, &answer);
}

static inline void dms_answers(int status, const char *body)
{
    dms_answers_call(&dms, status, body);
}

static inline void answers(enum operation operation, const void *answer, enum error_code failure)
{
    struct ipc_call call = storage[operation];
    struct error error;
    assert_non_null(call.on_answer);
    storage[operation].on_answer = NULL;
    error_set(&error, failure, "it failed");
    call.on_answer(call.context, failure ? NULL : answer, failure ? &error : NULL);
}

static inline void stored_opens(void)
{
    static char workspace[] = "w";
    const struct message_session_opened opened = {.workspace = workspace};
    answers(OPERATION_session_open, &opened, ERROR_NONE);
}

static inline void a_host_comes(struct fixture *fixture)
{
    static char id[] = "id";
    static char capability[] = "/x";
    struct message_capability one = {.name = capability, .max_concurrency = 1};
    const struct message_host_hello hello = {.host_id = id, .host_name = id, .capabilities = {&one, 1}};
    const struct text_list none = {NULL, 0};
    runner_hosts_hello(fixture->surroundings.hosts, NULL, &hello, &none, 0);
}

static inline void run(struct fixture *fixture)
{
    a_host_comes(fixture);
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(200, "{}");
    stored_opens();
    assert_string_equal(task_describe(fixture->task), "running");
}

static inline void finish(struct fixture *fixture, bool succeeded, const char *reason)
{
    char *why = reason ? memory_copy_text(reason) : NULL;
    task_on_finish(fixture->task, &(const struct message_task_finish){
                                      .succeeded = succeeded, .reason = why, .ran_ms = RAN_MS});
    free(why);
}

static inline void stored_lists(void)
{
    const struct message_artifacts none = {.artifacts = {NULL, 0}};
    answers(OPERATION_session_artifacts, &none, ERROR_NONE);
}

static inline void expect_sent(const char *action, const char *part)
{
    assert_true(dms.open);
    assert_string_equal(dms.action, action);
    const char *body = dms.body ? dms.body : "";
    if (!strstr(body, part))
        fail_msg("'%s' lacks %s", body, part);
}

static inline void expect_closed(void)
{
    const struct message_done done = {0};
    answers(OPERATION_session_close, &done, ERROR_NONE);
    assert_true(ended);
}

#define TASK_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
