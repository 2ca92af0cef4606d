/* services/leased/task/outbox.h: when a report counts as taken (docs/network.md, "Retries"). */
#include "services/leased/task/outbox.h"

#include "tests/unit/task_fixture.h"

static int done;
static char refused[DMS_TEXT_BYTES];

static void on_report_done(void *context, const char *refusal)
{
    (void)context;
    done++;
    snprintf(refused, sizeof refused, "%s", refusal ? refusal : "");
}

/* So that repeats go at once. */
static uint64_t next_lowest(struct random *random)
{
    (void)random;
    return 0;
}

static void send_complete(struct fixture *fixture)
{
    static char id[] = TASK_ID;
    static struct lease lease = {.task_id = id};
    const struct task_driver driver = {.around = &fixture->surroundings, .lease = &lease, .context = fixture};
    fixture->random = (struct random){.next = next_lowest};
    done = 0;
    outbox_send(&driver, "complete", memory_copy_text("{}"), on_report_done);
    expect_sent("complete", "{}");
}

static void dms_is_not_heard(struct fixture *fixture, bool sent)
{
    struct error failure;
    const struct dms_answer answer = {.failure = &failure, .sent = sent};
    error_set(&failure, ERROR_NETWORK, "no answer");
    dms.open = false;
    dms.request.on_done(dms.request.context, &answer);
    turn(fixture);
    expect_sent("complete", "{}");
}

static void what_dms_no_longer_knows_was_taken_when_an_earlier_try_may_have_arrived(void **state)
{
    struct fixture *fixture = *state;
    static const int gone[] = {404, 409};
    for (size_t i = 0; i < 2; i++) {
        send_complete(fixture);
        dms_is_not_heard(fixture, true);
        dms_is_not_heard(fixture, false);
        dms_answers(gone[i], "");
        assert_int_equal(done, 1);
        assert_string_equal(refused, "");
    }
}

/* The request never had a connection. */
static void the_same_answer_is_a_refusal_when_no_try_can_have_arrived(void **state)
{
    struct fixture *fixture = *state;
    static const int gone[] = {404, 409};
    for (size_t i = 0; i < 2; i++) {
        send_complete(fixture);
        dms_is_not_heard(fixture, false);
        dms_answers(gone[i], "");
        assert_int_equal(done, 1);
        assert_string_not_equal(refused, "");
    }
}

static void a_server_s_failure_may_have_come_after_it_took_the_report(void **state)
{
    struct fixture *fixture = *state;
    send_complete(fixture);
    dms_answers(500, "");
    turn(fixture);
    dms_answers(404, "");
    assert_int_equal(done, 1);
    assert_string_equal(refused, "");
    send_complete(fixture);
    dms_answers(429, "");
    turn(fixture);
    dms_answers(409, "");
    assert_string_not_equal(refused, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(what_dms_no_longer_knows_was_taken_when_an_earlier_try_may_have_arrived),
        TASK_TEST(the_same_answer_is_a_refusal_when_no_try_can_have_arrived),
        TASK_TEST(a_server_s_failure_may_have_come_after_it_took_the_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
