/* services/leased/task/task.h: from the first heartbeat to the report, and what is told on the way. */
#include "tests/unit/task_fixture.h"

static void a_task_goes_from_its_first_heartbeat_to_its_report(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    finish(fixture, true, NULL);
    assert_string_equal(jobs_ended, "/x succeeded, ");
    stored_lists();
    expect_sent("complete", "\"task_id\":\"" TASK_ID "\"");
    dms_answers(503, "");
    turn(fixture);
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
    finish(fixture, false, "broke");
    finish(fixture, false, "a repeat");
    assert_string_equal(jobs_ended, "/x failed, ");
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
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 2, "{\"e\":2}", &error));
    finish(fixture, true, NULL);
    stored_lists();
    expect_sent("heartbeat", "[{\"e\":1},{\"e\":2}]");
    dms_answers(422, "");
    expect_sent("heartbeat", "{\"progress\":{},\"events\":[]}");
    dms_answers(200, "{}");
    expect_sent("heartbeat", "[{\"e\":1}]");
    dms_answers(413, ""); /* refused alone */
    expect_sent("heartbeat", "[]");
    dms_answers(200, "{}");
    expect_sent("heartbeat", "[{\"e\":2}]");
    dms_answers(200, "{}");
    expect_sent("complete", "output_cids");
}

/* A lease with an end: the next heartbeat is due at once, as the fixture's rules have no ratio. */
#define RENEWED "{\"lease_expires_at\":\"2999-01-01T00:00:00Z\"}"

static void reporting_with_heartbeats(struct fixture *fixture)
{
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_set_progress, 1, "{\"p\":1}", &error));
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 2, "{\"e\":1}", &error));
    turn(fixture);
    dms_answers(200, RENEWED);
    finish(fixture, true, NULL);
    stored_lists();
    expect_sent("complete", "output_cids");
    turn(fixture);
    assert_true(beside.open);
}

static void heartbeats_go_on_until_the_report_is_answered(void **state)
{
    struct fixture *fixture = *state;
    reporting_with_heartbeats(fixture);
    assert_string_equal(beside.action, "heartbeat");
    assert_string_equal(beside.body, "{\"progress\":{\"p\":1},\"events\":[]}");
    dms_answers_call(&beside, 200, RENEWED);
    turn(fixture);
    assert_true(beside.open);
    dms_answers(200, "");
    assert_false(beside.open);
    expect_closed();
    turn(fixture);
    assert_false(beside.open);
}

/* DMS may have taken the report, and its answer is on the way. */
static void a_lease_that_is_lost_while_reporting_ends_the_heartbeats_alone(void **state)
{
    struct fixture *fixture = *state;
    static const int lost[] = {404, 409, 410, 403};
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        reporting_with_heartbeats(fixture);
        dms_answers_call(&beside, lost[i], "");
        turn(fixture);
        assert_false(beside.open);
        assert_true(dms.open);
        dms_answers(200, "");
        expect_closed();
        task_free(fixture->task);
        fixture->task = NULL;
        ended = false;
    }
}

static void a_session_that_stored_does_not_close_is_closed_again(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    finish(fixture, true, NULL);
    stored_lists();
    dms_answers(200, "");
    answers(OPERATION_session_close, NULL, ERROR_TIMEOUT);
    assert_false(ended);
    for (int i = 0; i < 1500 && !storage[OPERATION_session_close].on_answer; i++)
        turn(fixture);
    answers(OPERATION_session_close, NULL, ERROR_NOT_FOUND); /* the first one arrived */
    assert_true(ended);
}

static void updates_after_the_end_are_refused_and_repeats_are_not(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    finish(fixture, true, NULL);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    assert_false(task_on_update(fixture->task, pending_updates_add_event, 2, "2", &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    finish(fixture, false, "a repeat");
    stored_lists();
    dms_answers(200, "");
    expect_sent("complete", "");
}

static void a_new_token_reaches_a_session_that_was_still_opening(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    a_host_comes(fixture);
    lease_task(fixture, "{" STORAGE TASK);
    dms_answers(200, "{\"access_token\":\"t2\"}");
    stored_opens(); /* with t2 already */
    turn(fixture);
    assert_null(storage[OPERATION_session_update].on_answer);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    turn(fixture);
    dms_answers(200, "{\"access_token\":\"t3\"}");
    answers(OPERATION_session_update, NULL, ERROR_TIMEOUT);
    turn(fixture);
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
    finish(fixture, true, NULL);
    answers(OPERATION_session_artifacts, NULL, ERROR_TIMEOUT);
    stored_lists();
    expect_sent("complete", "");
    dms_answers(200, "");
    expect_closed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(a_task_goes_from_its_first_heartbeat_to_its_report),
        TASK_TEST(a_rename_counts_for_later_calls_and_the_report),
        TASK_TEST(the_last_events_reach_dms_before_the_report),
        TASK_TEST(heartbeats_go_on_until_the_report_is_answered),
        TASK_TEST(a_lease_that_is_lost_while_reporting_ends_the_heartbeats_alone),
        TASK_TEST(a_session_that_stored_does_not_close_is_closed_again),
        TASK_TEST(updates_after_the_end_are_refused_and_repeats_are_not),
        TASK_TEST(a_new_token_reaches_a_session_that_was_still_opening),
        TASK_TEST(a_silent_stored_is_asked_again_for_the_artifacts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
