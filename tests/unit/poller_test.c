#include "services/leased/poller.h"

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
static int taken;
static char unreadable[96]; /* task and text of the last lease that could not be read */
static bool wanted;         /* whether leases are work here */

struct dms_call *dms_send(const struct dms_client *client, const struct dms_request *request)
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

struct fixture {
    struct loop *loop;
    struct random random;
    struct poller *poller;
    int tasks;
};

static const char *wished; /* the capability to ask for */

static bool may_poll(void *context, const char **capability)
{
    *capability = wished;
    const struct fixture *fixture = context;
    return fixture->tasks < 2;
}

static bool take(void *context, struct lease *lease, int64_t server_unix_ms, int64_t sent_boot_ms)
{
    struct fixture *fixture = context;
    (void)server_unix_ms;
    (void)sent_boot_ms;
    lease_clear(lease);
    fixture->tasks += wanted;
    taken++;
    return wanted;
}

static void take_unreadable(void *context, struct lease *lease, const char *text)
{
    (void)context;
    snprintf(unreadable, sizeof unreadable, "%s: %.40s", lease->task_id, text);
    lease_clear(lease);
}

static int states; /* that were told */

static void on_state(void *context)
{
    (void)context;
    states++;
}

static struct poller *create(struct fixture *fixture)
{
    return poller_create(&(struct poller_options){.loop = fixture->loop,
                                                  .random = &fixture->random,
                                                  .request_timeout_ms = 30000,
                                                  .idle_min_ms = 3600000,
                                                  .idle_max_ms = 3600000,
                                                  .may_poll = may_poll,
                                                  .take = take,
                                                  .take_unreadable = take_unreadable,
                                                  .on_state = on_state,
                                                  .context = fixture});
}

static int set_up(void **state)
{
    struct error error;
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->loop = loop_create(&error);
    fixture->random = random_seeded(3);
    fixture->poller = create(fixture);
    taken = 0;
    unreadable[0] = '\0';
    wanted = dms_sent = true;
    poller_wake(fixture->poller);
    assert_true(dms.open);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    poller_free(fixture->poller);
    loop_free(fixture->loop);
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
    fixture->tasks--;
    poller_on_task_ended(fixture->poller, did_work);
}

static void polls_while_a_slot_is_free_and_at_once_after_work(void **state)
{
    struct fixture *fixture = *state;
    dms_answers(200, LEASE(""));
    assert_true(dms.open); /* for the second slot */
    dms_answers(200, LEASE(""));
    assert_int_equal(taken, 2);
    assert_false(dms.open);
    task_ends(fixture, true);
    assert_true(dms.open);
}

static void asks_for_the_capability_that_has_room(void **state)
{
    struct fixture *fixture = *state;
    assert_null(dms.request.capability);
    dms_answers(200, LEASE(""));
    poller_free(fixture->poller);
    fixture->poller = create(fixture);
    wished = "/free";
    poller_wake(fixture->poller);
    assert_string_equal(dms.request.capability, "/free");
    wished = NULL;
}

static void what_brought_no_work_is_followed_by_an_idle_wait(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int status;
        const char *body;
        const char *unreadable;
    } idle[] = {{204, "", ""},
                {409, "", ""},
                {200, LEASE("\"cancel\":true,"), ""},
                {200, LEASE("\"cancel\":3,"), "3ce78075-c9af-4b82-a4ad-550e0a48f62a: "},
                {200, "garbage", ""}};
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
        dms_answers(idle[i].status, idle[i].body);
        assert_false(dms.open);
        poller_wake(fixture->poller);
        assert_false(dms.open);
        assert_int_equal(strncmp(unreadable, idle[i].unreadable, strlen(idle[i].unreadable)), 0);
        assert_int_equal(taken, 0);
        poller_free(fixture->poller);
        fixture->poller = create(fixture);
        poller_wake(fixture->poller);
    }
}

static void work_done_cuts_an_idle_wait_short_and_a_failed_set_up_does_not(void **state)
{
    struct fixture *fixture = *state;
    dms_answers(200, LEASE(""));
    dms_answers(409, "");
    task_ends(fixture, false);
    assert_false(dms.open);
    fixture->tasks = 1;
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

static enum poller_state state_of(const struct fixture *fixture)
{
    return poller_state(fixture->poller);
}

/* Its backoff would last: a poller of its own for each. */
static void assert_state(struct fixture *fixture, bool no_token, int status, enum poller_state expected)
{
    const struct error error = {.code = ERROR_UNAVAILABLE, .text = "none"};
    poller_free(fixture->poller);
    fixture->poller = create(fixture);
    poller_wake(fixture->poller);
    assert_int_equal(state_of(fixture), POLLER_NEW);
    states = 0;
    if (status) {
        dms_answers(status, "");
    } else {
        dms.open = false;
        dms.request.on_done(dms.request.context,
                            &(struct dms_answer){.failure = &error, .no_token = no_token});
    }
    assert_int_equal(state_of(fixture), expected);
    assert_int_equal(states, 1);
}

static void tells_how_the_last_poll_ended(void **state)
{
    struct fixture *fixture = *state;
    assert_state(fixture, false, 409, POLLER_ANSWERED);
    assert_state(fixture, true, 0, POLLER_WITHOUT_TOKEN);
    assert_state(fixture, false, 0, POLLER_FAILING);
    assert_state(fixture, false, 503, POLLER_FAILING);
}

static void a_lease_without_work_is_followed_by_an_idle_wait(void **state)
{
    (void)state;
    wanted = false;
    dms_answers(200, LEASE(""));
    assert_int_equal(taken, 1);
    assert_false(dms.open);
}

static void a_lease_that_comes_during_a_drain_is_taken_and_the_last(void **state)
{
    struct fixture *fixture = *state;
    poller_on_drain(fixture->poller);
    assert_true(poller_is_polling(fixture->poller));
    dms_answers(200, LEASE(""));
    assert_int_equal(taken, 1);
    assert_false(poller_is_polling(fixture->poller));
    poller_wake(fixture->poller);
    assert_false(dms.open);
}

static void a_drain_does_not_wait_for_a_poll_that_has_no_token_yet(void **state)
{
    struct fixture *fixture = *state;
    dms_sent = false;
    poller_on_drain(fixture->poller);
    assert_false(poller_is_polling(fixture->poller));
    assert_false(dms.open);
}

#define POLLER_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POLLER_TEST(polls_while_a_slot_is_free_and_at_once_after_work),
        POLLER_TEST(asks_for_the_capability_that_has_room),
        POLLER_TEST(tells_how_the_last_poll_ended),
        POLLER_TEST(what_brought_no_work_is_followed_by_an_idle_wait),
        POLLER_TEST(work_done_cuts_an_idle_wait_short_and_a_failed_set_up_does_not),
        POLLER_TEST(work_done_does_not_cut_a_backoff_short),
        POLLER_TEST(a_lease_without_work_is_followed_by_an_idle_wait),
        POLLER_TEST(a_lease_that_comes_during_a_drain_is_taken_and_the_last),
        POLLER_TEST(a_drain_does_not_wait_for_a_poll_that_has_no_token_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
