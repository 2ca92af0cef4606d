#include "services/leased/task/task_life.h"

#include "libcommon/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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

/* As of a task that is not drained: DMS has given it to somebody else, perhaps. */
static void a_cancel_while_a_drained_job_stops_means_no_report(void **state)
{
    (void)state;
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_CANCELLED), TASK_STOPPING, TASK_VERDICT_NONE);
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_CANCELLED, TASK_EVENT_FAILED), TASK_CLOSING,
          TASK_VERDICT_NONE);
    check(LIFE(RUNNING, TASK_EVENT_OVERRAN, TASK_EVENT_CANCELLED, TASK_EVENT_SUCCEEDED), TASK_CLOSING,
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
    check(LIFE(TASK_EVENT_DRAINED), TASK_REPORTING, TASK_VERDICT_SETUP_FAIL);
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

/* The life of a good task that has come as far as `last`. */
static struct task_life life_in(enum task_state last)
{
    static const enum task_event events[] = {
        TASK_EVENT_HEARTBEAT_ACCEPTED, TASK_EVENT_OPENED,  TASK_EVENT_STARTED,  TASK_EVENT_SUCCEEDED,
        TASK_EVENT_COLLECTED,          TASK_EVENT_FLUSHED, TASK_EVENT_REPORTED, TASK_EVENT_CLOSED};
    struct task_life life = {TASK_FIRST_HEARTBEAT, TASK_VERDICT_OPEN};
    for (size_t i = 0; life.state != last && i < sizeof events / sizeof events[0]; i++)
        assert_true(task_life_on(&life, events[i]));
    assert_int_equal(life.state, last);
    return life;
}

/* What the event makes of a good task, wherever it is; where nothing is given, it changes nothing. */
struct outcome {
    enum task_state from;
    enum task_state to;
    enum task_verdict verdict;
};

static void check_everywhere(enum task_event event, const struct outcome *outcomes, size_t count)
{
    static const enum task_state states[] = {TASK_FIRST_HEARTBEAT, TASK_OPENING,    TASK_WAITING,
                                             TASK_RUNNING,         TASK_COLLECTING, TASK_FLUSHING,
                                             TASK_REPORTING,       TASK_CLOSING,    TASK_ENDED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        struct task_life life = life_in(states[i]);
        struct outcome expected = {states[i], states[i], life.verdict};
        for (size_t row = 0; row < count; row++)
            if (outcomes[row].from == states[i])
                expected = outcomes[row];
        assert_int_equal(task_life_on(&life, event), expected.to != states[i]);
        check(life, expected.to, expected.verdict);
    }
}

#define CHECK_EVERYWHERE(event, ...)                                                                         \
    check_everywhere(event, (const struct outcome[]){__VA_ARGS__},                                           \
                     sizeof((const struct outcome[]){__VA_ARGS__}) / sizeof(struct outcome))

/* docs/network.md 3.2: nothing of a cancelled task is reported, unless the report is on its way. */
static void a_cancel_ends_a_task_wherever_it_is(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(
        TASK_EVENT_CANCELLED, {TASK_FIRST_HEARTBEAT, TASK_ENDED, TASK_VERDICT_NONE},
        {TASK_OPENING, TASK_CLOSING, TASK_VERDICT_NONE}, {TASK_WAITING, TASK_CLOSING, TASK_VERDICT_NONE},
        {TASK_RUNNING, TASK_STOPPING, TASK_VERDICT_NONE}, {TASK_COLLECTING, TASK_CLOSING, TASK_VERDICT_NONE},
        {TASK_FLUSHING, TASK_CLOSING, TASK_VERDICT_NONE});
}

static void a_lost_lease_ends_a_task_until_its_artifacts_are_stored(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(TASK_EVENT_LOST, {TASK_FIRST_HEARTBEAT, TASK_ENDED, TASK_VERDICT_NONE},
                     {TASK_OPENING, TASK_CLOSING, TASK_VERDICT_NONE},
                     {TASK_WAITING, TASK_CLOSING, TASK_VERDICT_NONE},
                     {TASK_RUNNING, TASK_STOPPING, TASK_VERDICT_NONE},
                     {TASK_FLUSHING, TASK_REPORTING, TASK_VERDICT_COMPLETE});
}

static void a_drain_and_an_overrun_fail_what_is_not_done(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(TASK_EVENT_DRAINED, {TASK_FIRST_HEARTBEAT, TASK_REPORTING, TASK_VERDICT_SETUP_FAIL},
                     {TASK_OPENING, TASK_FLUSHING, TASK_VERDICT_FAIL},
                     {TASK_WAITING, TASK_FLUSHING, TASK_VERDICT_FAIL},
                     {TASK_RUNNING, TASK_STOPPING, TASK_VERDICT_FAIL});
    CHECK_EVERYWHERE(TASK_EVENT_OVERRAN, {TASK_WAITING, TASK_FLUSHING, TASK_VERDICT_FAIL},
                     {TASK_RUNNING, TASK_STOPPING, TASK_VERDICT_FAIL});
}

static void a_host_s_word_counts_while_a_job_is_its_own(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(TASK_EVENT_FAILED, {TASK_WAITING, TASK_FLUSHING, TASK_VERDICT_FAIL},
                     {TASK_RUNNING, TASK_COLLECTING, TASK_VERDICT_FAIL});
    CHECK_EVERYWHERE(TASK_EVENT_SUCCEEDED, {TASK_RUNNING, TASK_COLLECTING, TASK_VERDICT_COMPLETE});
    CHECK_EVERYWHERE(TASK_EVENT_STARTED, {TASK_WAITING, TASK_RUNNING, TASK_VERDICT_OPEN});
}

static void the_end_of_a_drain_waits_for_nothing(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(
        TASK_EVENT_GIVEN_UP, {TASK_FIRST_HEARTBEAT, TASK_ENDED, TASK_VERDICT_NONE},
        {TASK_OPENING, TASK_CLOSING, TASK_VERDICT_NONE}, {TASK_WAITING, TASK_CLOSING, TASK_VERDICT_NONE},
        {TASK_RUNNING, TASK_CLOSING, TASK_VERDICT_NONE}, {TASK_COLLECTING, TASK_CLOSING, TASK_VERDICT_NONE},
        {TASK_FLUSHING, TASK_CLOSING, TASK_VERDICT_NONE}, {TASK_REPORTING, TASK_CLOSING, TASK_VERDICT_NONE},
        {TASK_CLOSING, TASK_ENDED, TASK_VERDICT_NONE});
    check(LIFE(RUNNING, TASK_EVENT_DRAINED, TASK_EVENT_GIVEN_UP), TASK_CLOSING, TASK_VERDICT_NONE);
}

static void a_set_up_that_failed_is_reported_only_while_it_goes_on(void **state)
{
    (void)state;
    CHECK_EVERYWHERE(TASK_EVENT_HEARTBEAT_GIVEN_UP,
                     {TASK_FIRST_HEARTBEAT, TASK_REPORTING, TASK_VERDICT_SETUP_FAIL});
    CHECK_EVERYWHERE(TASK_EVENT_STORAGE_MISSING, {TASK_OPENING, TASK_REPORTING, TASK_VERDICT_SETUP_FAIL});
    CHECK_EVERYWHERE(TASK_EVENT_OPEN_FAILED, {TASK_OPENING, TASK_REPORTING, TASK_VERDICT_SETUP_FAIL});
    CHECK_EVERYWHERE(TASK_EVENT_COLLECT_FAILED, {TASK_COLLECTING, TASK_FLUSHING, TASK_VERDICT_FAIL});
}

static void the_lease_is_kept_until_the_report_is_answered(void **state)
{
    (void)state;
    for (enum task_state at = TASK_FIRST_HEARTBEAT; at <= TASK_ENDED; at++) {
        if (at == TASK_STOPPING)
            continue;
        struct task_life life = life_in(at);
        assert_int_equal(task_life_needs_lease(&life), at <= TASK_REPORTING);
    }
    /* A task that is only stopped still heartbeats; one that lost its lease has none to keep. */
    struct task_life drained = LIFE(RUNNING, TASK_EVENT_DRAINED);
    struct task_life lost = LIFE(RUNNING, TASK_EVENT_LOST);
    assert_true(task_life_needs_lease(&drained));
    assert_false(task_life_needs_lease(&lost));
    assert_false(task_life_on(&lost, TASK_EVENT_CANCELLED));
}

static void every_state_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (enum task_state left = TASK_FIRST_HEARTBEAT; left < TASK_STATE_COUNT; left++) {
        assert_string_not_equal(task_state_name(left), "");
        for (enum task_state right = TASK_FIRST_HEARTBEAT; right < left; right++)
            assert_string_not_equal(task_state_name(left), task_state_name(right));
    }
    assert_string_equal(task_state_name(TASK_RUNNING), "running");
    assert_string_equal(task_state_name(TASK_ENDED), "ended");
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
        cmocka_unit_test(a_cancel_while_a_drained_job_stops_means_no_report),
        cmocka_unit_test(a_drained_task_is_failed),
        cmocka_unit_test(work_that_was_done_when_the_drain_cancelled_it_is_completed),
        cmocka_unit_test(a_task_whose_workspace_holds_too_much_is_stopped_and_failed),
        cmocka_unit_test(two_steps_end_any_task_at_the_end_of_a_drain),
        cmocka_unit_test(a_success_whose_artifacts_are_unknown_is_a_failure),
        cmocka_unit_test(any_sequence_of_events_leaves_a_way_to_the_end),
        cmocka_unit_test(a_cancel_ends_a_task_wherever_it_is),
        cmocka_unit_test(a_lost_lease_ends_a_task_until_its_artifacts_are_stored),
        cmocka_unit_test(a_drain_and_an_overrun_fail_what_is_not_done),
        cmocka_unit_test(a_host_s_word_counts_while_a_job_is_its_own),
        cmocka_unit_test(the_end_of_a_drain_waits_for_nothing),
        cmocka_unit_test(a_set_up_that_failed_is_reported_only_while_it_goes_on),
        cmocka_unit_test(the_lease_is_kept_until_the_report_is_answered),
        cmocka_unit_test(every_state_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
