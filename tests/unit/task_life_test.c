#include "services/leased/task/task_life.h"

#include "libcommon/base/random.h"
#include "libcommon/node/messages.h"
#include "services/leased/dms/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct task_life life_after(const enum task_event *events, size_t count)
{
    struct task_life life = {TASK_FIRST_HEARTBEAT, TASK_VERDICT_OPEN};
    for (size_t i = 0; i < count; i++)
        task_life_on(&life, events[i]);
    return life;
}

#define LIFE(...)                                                                                            \
    life_after((const enum task_event[]){__VA_ARGS__},                                                       \
               sizeof((const enum task_event[]){__VA_ARGS__}) / sizeof(enum task_event))
#define RUNNING TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_OPENED, TASK_EVENT_STARTED

static void check(struct task_life life, enum task_state state, enum task_verdict verdict)
{
    assert_string_equal(task_state_name(life.state), task_state_name(state));
    assert_int_equal(life.verdict, verdict);
}

static void a_good_task_is_completed(void **state)
{
    (void)state;
    check(LIFE(RUNNING), TASK_RUNNING, TASK_VERDICT_OPEN);
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECTED), TASK_FLUSHING, TASK_VERDICT_COMPLETE);
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECTED, TASK_EVENT_FLUSHED, TASK_EVENT_REPORTED,
               TASK_EVENT_CLOSED),
          TASK_ENDED, TASK_VERDICT_COMPLETE);
}

static void nothing_runs_before_the_first_heartbeat_is_accepted(void **state)
{
    (void)state;
    check(LIFE(TASK_EVENT_OPENED, TASK_EVENT_STARTED), TASK_FIRST_HEARTBEAT, TASK_VERDICT_OPEN);
    check(LIFE(TASK_EVENT_HEARTBEAT_GIVEN_UP), TASK_REPORTING, TASK_VERDICT_SETUP_FAIL);
    check(LIFE(TASK_EVENT_LOST), TASK_ENDED, TASK_VERDICT_NONE);
    check(LIFE(TASK_EVENT_CANCELLED), TASK_ENDED, TASK_VERDICT_NONE);
}

static void a_failure_in_the_set_up_is_reported_as_one(void **state)
{
    (void)state;
    check(LIFE(TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_STORAGE_MISSING), TASK_REPORTING,
          TASK_VERDICT_SETUP_FAIL);
    check(LIFE(TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_OPEN_FAILED), TASK_REPORTING,
          TASK_VERDICT_SETUP_FAIL);
}

static void a_cancelled_or_lost_task_is_stopped_and_not_reported(void **state)
{
    (void)state;
    const enum task_event ends[] = {TASK_EVENT_CANCELLED, TASK_EVENT_LOST};
    for (size_t i = 0; i < 2; i++) {
        check(LIFE(RUNNING, ends[i]), TASK_STOPPING, TASK_VERDICT_NONE);
        check(LIFE(RUNNING, ends[i], TASK_EVENT_FAILED), TASK_CLOSING, TASK_VERDICT_NONE);
        /* A success that crossed the cancel changes nothing. */
        check(LIFE(RUNNING, ends[i], TASK_EVENT_SUCCEEDED), TASK_CLOSING, TASK_VERDICT_NONE);
        check(LIFE(RUNNING, ends[i], TASK_EVENT_FAILED, TASK_EVENT_CLOSED), TASK_ENDED, TASK_VERDICT_NONE);
    }
}

static void a_lease_lost_after_all_artifacts_are_stored_is_reported_all_the_same(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_LOST, TASK_EVENT_COLLECTED), TASK_FLUSHING,
          TASK_VERDICT_COMPLETE);
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECTED, TASK_EVENT_LOST), TASK_REPORTING,
          TASK_VERDICT_COMPLETE);
}

static void a_cancel_after_the_job_still_means_no_report(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_CANCELLED), TASK_CLOSING, TASK_VERDICT_NONE);
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECTED, TASK_EVENT_CANCELLED), TASK_CLOSING,
          TASK_VERDICT_NONE);
}

static void a_drained_task_is_failed(void **state)
{
    (void)state;
    check(LIFE(TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_OPENED, TASK_EVENT_DRAINED), TASK_FLUSHING,
          TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_DRAINED), TASK_STOPPING, TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_FAILED, TASK_EVENT_COLLECTED), TASK_FLUSHING,
          TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_LOST, TASK_EVENT_FAILED), TASK_CLOSING,
          TASK_VERDICT_NONE);
    check(LIFE(TASK_EVENT_DRAINED), TASK_REPORTING, TASK_VERDICT_FAIL);
    check(LIFE(TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_DRAINED, TASK_EVENT_OPENED), TASK_FLUSHING,
          TASK_VERDICT_FAIL);
}

static void work_that_was_done_when_the_drain_cancelled_it_is_completed(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECTED), TASK_FLUSHING,
          TASK_VERDICT_COMPLETE);
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_LOST, TASK_EVENT_SUCCEEDED), TASK_CLOSING,
          TASK_VERDICT_NONE);
}

static void a_task_whose_workspace_holds_too_much_is_stopped_and_failed(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN), TASK_STOPPING, TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN, TASK_EVENT_OVERRAN), TASK_STOPPING, TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN, TASK_EVENT_FAILED, TASK_EVENT_COLLECTED), TASK_FLUSHING,
          TASK_VERDICT_FAIL);
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN, TASK_EVENT_LOST, TASK_EVENT_FAILED), TASK_CLOSING,
          TASK_VERDICT_NONE);
    check(LIFE(TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_OPENED, TASK_EVENT_OVERRAN), TASK_FLUSHING,
          TASK_VERDICT_FAIL);
    /* All is stored by then, or the lease is gone. */
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN, TASK_EVENT_SUCCEEDED), TASK_COLLECTING, TASK_VERDICT_COMPLETE);
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_OVERRAN), TASK_COLLECTING, TASK_VERDICT_COMPLETE);
    check(LIFE(RUNNING, TASK_EVENT_CANCELLED, TASK_EVENT_OVERRAN), TASK_STOPPING, TASK_VERDICT_NONE);
}

/* "It lasts no longer than its bound": from wherever the task is. */
static void two_steps_end_any_task_at_the_end_of_a_drain(void **state)
{
    (void)state;
    for (int from = 0; from < TASK_ENDED; from++) {
        struct task_life life = {(enum task_state)from, TASK_VERDICT_OPEN};
        task_life_on(&life, TASK_EVENT_GIVEN_UP);
        task_life_on(&life, TASK_EVENT_CLOSED);
        assert_int_equal(life.state, TASK_ENDED);
        assert_int_equal(life.verdict, TASK_VERDICT_NONE);
    }
}

static void a_success_whose_artifacts_are_unknown_is_a_failure(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_SUCCEEDED, TASK_EVENT_COLLECT_FAILED), TASK_FLUSHING, TASK_VERDICT_FAIL);
}

/* Whatever comes in whatever order, a task never gets stuck outside the states and never loses its end. */
static void any_sequence_of_events_leaves_a_way_to_the_end(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    for (int round = 0; round < 20000; round++) {
        struct task_life life = {TASK_FIRST_HEARTBEAT, TASK_VERDICT_OPEN};
        for (int i = 0; i < 12; i++)
            task_life_on(&life, (enum task_event)random_between(&random, 0, TASK_EVENT_COUNT - 1));
        static const enum task_event way_out[] = {TASK_EVENT_LOST,      TASK_EVENT_FAILED,
                                                  TASK_EVENT_COLLECTED, TASK_EVENT_FLUSHED,
                                                  TASK_EVENT_REPORTED,  TASK_EVENT_CLOSED};
        for (size_t i = 0; i < sizeof way_out / sizeof way_out[0]; i++)
            task_life_on(&life, way_out[i]);
        assert_int_equal(life.state, TASK_ENDED);
        assert_int_not_equal(life.verdict, TASK_VERDICT_OPEN);
    }
}

/* --- the bodies of the reports --- */

static struct lease lease_of_reports(void)
{
    static char task[] = "task-now";
    static char domain[] = "domain";
    static char capability[] = "/x/\"v1\"";
    return (struct lease){.task_id = task, .domain_id = domain, .capability = capability};
}

static void a_report_has_exactly_the_contract_s_fields(void **state)
{
    (void)state;
    char path[] = "p/a.ply";
    char name[] = "p_a_ply_t";
    char type[] = "ply";
    char id[] = "id1";
    struct message_artifact one = {.logical_path = path, .name = name, .data_type = type, .id = id};
    const struct message_artifacts artifacts = {.artifacts = {&one, 1}};
    const struct lease lease = lease_of_reports();
    char *body = report_compose_complete(&lease, &artifacts);
    assert_string_equal(
        body, "{\"output_cids\":[\"id1\"],\"meta\":{\"job\":{\"task_id\":\"task-now\",\"job_id\":null,"
              "\"domain_id\":\"domain\",\"capability\":\"/x/\\\"v1\\\"\"},\"artifacts\":[{"
              "\"logical_path\":\"p/a.ply\",\"name\":\"p_a_ply_t\",\"data_type\":\"ply\","
              "\"id\":\"id1\"}]}}");
    free(body);
    body = report_compose_fail(&lease, NULL, "exit status 3");
    assert_string_equal(body, "{\"reason\":\"exit status 3\",\"details\":{\"job\":{\"task_id\":\"task-now\","
                              "\"job_id\":null,\"domain_id\":\"domain\",\"capability\":\"/x/\\\"v1\\\"\"},"
                              "\"artifacts\":[]}}");
    free(body);
    body = report_compose_setup_fail("build_ports", "no domain");
    assert_string_equal(body, "{\"reason\":\"node_setup_failed\",\"details\":{\"stage\":\"build_ports\","
                              "\"error\":\"no domain\"}}");
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_task_is_completed),
        cmocka_unit_test(nothing_runs_before_the_first_heartbeat_is_accepted),
        cmocka_unit_test(a_failure_in_the_set_up_is_reported_as_one),
        cmocka_unit_test(a_cancelled_or_lost_task_is_stopped_and_not_reported),
        cmocka_unit_test(a_lease_lost_after_all_artifacts_are_stored_is_reported_all_the_same),
        cmocka_unit_test(a_cancel_after_the_job_still_means_no_report),
        cmocka_unit_test(a_drained_task_is_failed),
        cmocka_unit_test(work_that_was_done_when_the_drain_cancelled_it_is_completed),
        cmocka_unit_test(a_task_whose_workspace_holds_too_much_is_stopped_and_failed),
        cmocka_unit_test(two_steps_end_any_task_at_the_end_of_a_drain),
        cmocka_unit_test(a_success_whose_artifacts_are_unknown_is_a_failure),
        cmocka_unit_test(any_sequence_of_events_leaves_a_way_to_the_end),
        cmocka_unit_test(a_report_has_exactly_the_contract_s_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
