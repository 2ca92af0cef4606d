/* services/leased/task/task.h: tasks that end before their job is done, and what DMS is told of them. */
#include "tests/unit/task_fixture.h"

static void a_cancel_in_the_answer_to_the_last_heartbeat_means_no_report(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    run(fixture);
    assert_true(task_on_update(fixture->task, pending_updates_add_event, 1, "1", &error));
    finish(fixture, true, NULL);
    stored_lists();
    dms_answers(200, "{\"cancel\":true}");
    turn(fixture);
    assert_false(dms.open);
    expect_closed();
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
    turn(fixture);
    assert_false(dms.open);
    finish(fixture, false, "cancelled");
    assert_string_equal(jobs_ended, ""); /* says nothing of its capability */
    expect_closed();
}

static void a_failed_set_up_is_reported_and_counts_as_idle(void **state)
{
    struct fixture *fixture = *state;
    lease_task(fixture, "{" TASK);
    dms_answers(200, "");
    expect_sent("fail", "{\"reason\":\"node_setup_failed\",\"details\":{\"stage\":\"build_ports\"");
    dms_answers(307, ""); /* tried again */
    turn(fixture);
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
    turn(fixture);
    assert_false(dms.open);
    assert_true(ended);
    assert_false(ended_with_work);
}

static void a_drain_fails_what_does_not_run_yet_at_once(void **state)
{
    struct fixture *fixture = *state;
    lease_task(fixture, "{" STORAGE TASK);
    task_on_drain(fixture->task, false);
    /* Before the first heartbeat only the set-up can fail (docs/network.md 3.2). */
    expect_sent("fail", "\"details\":{\"stage\":\"initial_heartbeat\",\"error\":\"node_draining\"}");
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
    turn(fixture);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_drain(fixture->task, true);
    finish(fixture, false, "cancelled");
    assert_string_equal(jobs_ended, "");
    stored_lists();
    expect_sent("fail", "\"reason\":\"node_draining\"");
}

static void a_workspace_that_holds_too_much_fails_its_task(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    task_on_overrun(fixture->task, NEW_ID, 200, 100);
    turn(fixture);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_overrun(fixture->task, TASK_ID, 200, 100);
    task_on_overrun(fixture->task, TASK_ID, 300, 100); /* until the session is closed */
    assert_string_equal(task_describe(fixture->task), "stopping");
    assert_non_null(storage[OPERATION_session_cancel].on_answer);
    finish(fixture, false, "cancelled");
    stored_lists();
    expect_sent("fail", "\"reason\":\"the workspace has 200 bytes, the limit is 100 (disk_full)\"");
}

static void an_overrun_is_no_matter_once_the_job_is_over(void **state)
{
    struct fixture *fixture = *state;
    run(fixture);
    finish(fixture, true, NULL);
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
    turn(fixture);
    assert_string_equal(task_describe(fixture->task), "running");
    static char id[] = "id";
    const struct message_host_next fetched = {.host_id = id, .acknowledged = 1};
    runner_hosts_next(fixture->surroundings.hosts, NULL, &fetched, 0);
    task_on_host_hello(fixture->task, "id", &keys);
    turn(fixture);
    assert_string_equal(task_describe(fixture->task), "running");
    task_on_host_hello(fixture->task, "id", &none);
    stored_lists();
    expect_sent("fail", "does not know the job");
    assert_non_null(runner_hosts_find_slot(fixture->surroundings.hosts, "/x"));
    text_list_clear(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(a_cancel_in_the_answer_to_the_last_heartbeat_means_no_report),
        TASK_TEST(updates_of_a_cancelled_job_never_hold_up_its_end),
        TASK_TEST(a_failed_set_up_is_reported_and_counts_as_idle),
        TASK_TEST(a_finally_refused_first_heartbeat_fails_the_set_up_and_a_lost_lease_is_not_reported),
        TASK_TEST(a_drain_fails_what_does_not_run_yet_at_once),
        TASK_TEST(a_drain_leaves_a_running_job_its_grace),
        TASK_TEST(a_workspace_that_holds_too_much_fails_its_task),
        TASK_TEST(an_overrun_is_no_matter_once_the_job_is_over),
        TASK_TEST(a_job_that_its_host_does_not_name_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
