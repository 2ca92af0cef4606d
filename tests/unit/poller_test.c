#include "services/leased/poller.h"

#include "services/leased/task/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The poller between a scripted DMS and tasks that only count. Its idle wait is an hour: what polls within a
 * test did so at once. */
struct dms_call {
    struct dms_request request;
    bool open;
};

static struct dms_call dms;
static bool dms_sent; /* past the wait for a token */
static int created;
static char refused[64]; /* stage, and text, of the last refused */
static bool offered;

struct dms_call *dms_send(struct dms_client *client, const struct dms_request *request)
{
    (void)client;
    assert_false(dms.open);
    dms = (struct dms_call){*request, true};
    return &dms;
}

void dms_cancel(struct dms_call *call)
{
    if (call)
        call->open = false;
}

bool dms_call_is_sent(const struct dms_call *call)
{
    return call->open && dms_sent;
}

const char *dms_describe(const struct dms_answer *answer, char out[DMS_TEXT_BYTES])
{
    snprintf(out, DMS_TEXT_BYTES, "status %d", answer->response ? answer->response->status : 0);
    return out;
}

bool runner_hosts_offer(const struct runner_hosts *hosts, const char *capability)
{
    (void)hosts;
    (void)capability;
    return offered;
}

bool runner_hosts_can_work(const struct runner_hosts *hosts)
{
    (void)hosts;
    return true;
}

struct task *task_create(struct leased *leased, struct lease *lease, int64_t server_unix_ms,
                         int64_t sent_boot_ms)
{
    (void)server_unix_ms;
    (void)sent_boot_ms;
    lease_clear(lease);
    leased->task_count++;
    created++;
    return NULL;
}

struct task *task_create_refused(struct leased *leased, struct lease *lease, const char *stage,
                                 const char *text)
{
    (void)leased;
    snprintf(refused, sizeof refused, "%s: %.40s", stage ? stage : "none", text);
    lease_clear(lease);
    return NULL;
}

struct fixture {
    struct service_context service;
    struct leased leased;
};

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->service.loop = loop_create(&error);
    fixture->service.random = random_seeded(3);
    fixture->service.settings.request_timeout_secs = 30;
    fixture->service.settings.poll_backoff_ms_min = 3600000;
    fixture->service.settings.poll_backoff_ms_max = 3600000;
    fixture->service.settings.max_concurrency = 2;
    fixture->leased.service = &fixture->service;
    fixture->leased.poller = poller_create(&fixture->leased);
    created = 0;
    refused[0] = '\0';
    offered = dms_sent = true;
    poller_wake(fixture->leased.poller);
    assert_true(dms.open);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    poller_free(fixture->leased.poller);
    loop_free(fixture->service.loop);
    memset(&dms, 0, sizeof dms);
    free(fixture);
    return 0;
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

#define LEASE(fields)                                                                                        \
    "{" fields "\"task\":{\"id\":\"3ce78075-c9af-4b82-a4ad-550e0a48f62a\",\"capability\":\"/x\"}}"

static void task_ends(struct fixture *fixture, bool did_work)
{
    fixture->leased.task_count--;
    poller_on_task_ended(fixture->leased.poller, did_work);
}

static void polls_while_a_slot_is_free_and_at_once_after_work(void **state)
{
    struct fixture *fixture = *state;
    dms_answers(200, LEASE(""));
    assert_true(dms.open); /* for the second slot */
    dms_answers(200, LEASE(""));
    assert_int_equal(created, 2);
    assert_false(dms.open);
    task_ends(fixture, true);
    assert_true(dms.open);
}

static void what_brought_no_work_is_followed_by_an_idle_wait(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        const char *refused;
    } idle[] = {{204, "", ""},
                {409, "", ""},
                {200, LEASE("\"cancel\":true,"), ""},
                {200, LEASE("\"cancel\":3,"), "decode_lease: "},
                {200, "garbage", ""}};
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        dms_answers(idle[i].status, idle[i].body);
        assert_false(dms.open);
        poller_wake(fixture->leased.poller);
        assert_false(dms.open);
        assert_int_equal(strncmp(refused, idle[i].refused, strlen(idle[i].refused)), 0);
        assert_int_equal(created, 0);
        poller_free(fixture->leased.poller);
        fixture->leased.poller = poller_create(&fixture->leased);
        poller_wake(fixture->leased.poller);
    }
}

static void work_done_cuts_an_idle_wait_short_and_a_failed_set_up_does_not(void **state)
{
    struct fixture *fixture = *state;
    dms_answers(200, LEASE(""));
    dms_answers(409, "");
    task_ends(fixture, false);
    assert_false(dms.open);
    fixture->leased.task_count = 1;
    task_ends(fixture, true);
    assert_true(dms.open);
}

static void work_done_does_not_cut_a_backoff_short(void **state)
{
    struct fixture *fixture = *state;
    dms_answers(200, LEASE(""));
    dms_answers(503, "");
    task_ends(fixture, true);
    assert_false(dms.open);
}

static void an_unknown_capability_is_failed_in_its_set_up(void **state)
{
    (void)state;
    offered = false;
    dms_answers(200, LEASE(""));
    assert_string_equal(refused, "start_session: capability /x is not registered here");
    assert_int_equal(created, 0);
    assert_false(dms.open);
}

static void a_lease_that_comes_during_a_drain_is_given_back(void **state)
{
    struct fixture *fixture = *state;
    fixture->leased.draining = true;
    poller_on_drain(fixture->leased.poller);
    assert_true(poller_is_polling(fixture->leased.poller));
    dms_answers(200, LEASE(""));
    assert_string_equal(refused, "none: node_draining");
    assert_false(poller_is_polling(fixture->leased.poller));
    poller_wake(fixture->leased.poller);
    assert_false(dms.open);
}

static void a_drain_does_not_wait_for_a_poll_that_has_no_token_yet(void **state)
{
    struct fixture *fixture = *state;
    dms_sent = false;
    fixture->leased.draining = true;
    poller_on_drain(fixture->leased.poller);
    assert_false(poller_is_polling(fixture->leased.poller));
    assert_false(dms.open);
}

#define POLLER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POLLER_TEST(polls_while_a_slot_is_free_and_at_once_after_work),
        POLLER_TEST(what_brought_no_work_is_followed_by_an_idle_wait),
        POLLER_TEST(work_done_cuts_an_idle_wait_short_and_a_failed_set_up_does_not),
        POLLER_TEST(work_done_does_not_cut_a_backoff_short),
        POLLER_TEST(an_unknown_capability_is_failed_in_its_set_up),
        POLLER_TEST(a_lease_that_comes_during_a_drain_is_given_back),
        POLLER_TEST(a_drain_does_not_wait_for_a_poll_that_has_no_token_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
