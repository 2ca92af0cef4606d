#include "services/runnerd/job/job_machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct step {
    enum job_event event;
    const char *reason;
    enum job_action action;
};

static struct job_machine machine;

static int reset(void **state)
{
    (void)state;
    job_machine_clear(&machine);
    machine = (struct job_machine){.phase = JOB_PHASE_PREPARING};
    return 0;
}

static int clear(void **state)
{
    (void)state;
    job_machine_clear(&machine);
    return 0;
}

static void play(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(job_machine_on(&machine, steps[i].event, steps[i].reason), steps[i].action);
}

#define PLAY(...)                                                                                            \
    do {                                                                                                     \
        const struct step steps[] = {__VA_ARGS__};                                                           \
        play(steps, sizeof steps / sizeof steps[0]);                                                         \
    } while (0)

static void a_job_prepares_works_uploads_and_finishes(void **state)
{
    (void)state;
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
         {JOB_EVENT_UPLOADED, NULL, JOB_ACTION_FINISH}, {JOB_EVENT_FINISHED, NULL, JOB_ACTION_END});
    assert_true(machine.succeeded);
    assert_null(machine.reason);
    assert_int_equal(machine.phase, JOB_PHASE_ENDED);
}

static void each_failure_is_reported_with_its_reason(void **state)
{
    PLAY({JOB_EVENT_PREPARE_FAILED, "input", JOB_ACTION_FINISH});
    assert_false(machine.succeeded);
    assert_string_equal(machine.reason, "input");
    reset(state);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_FAILED, "work", JOB_ACTION_FINISH});
    assert_string_equal(machine.reason, "work");
    reset(state);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
         {JOB_EVENT_UPLOAD_FAILED, "upload", JOB_ACTION_FINISH});
    assert_false(machine.succeeded);
    assert_string_equal(machine.reason, "upload");
}

static void a_stop_while_working_waits_until_the_work_is_gone(void **state)
{
    (void)state;
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_STOP_WORK},
         {JOB_EVENT_WORK_FAILED, "killed by signal 15", JOB_ACTION_FINISH});
    assert_true(machine.stopped);
    assert_false(machine.succeeded);
    assert_string_equal(machine.reason, "cancelled");
}

static void work_that_succeeds_after_a_stop_is_not_uploaded(void **state)
{
    (void)state;
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_STOP_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_FINISH});
    assert_false(machine.succeeded);
    assert_string_equal(machine.reason, "cancelled");
}

static void a_stop_while_preparing_or_uploading_finishes_at_once(void **state)
{
    PLAY({JOB_EVENT_STOP, "cancelled", JOB_ACTION_FINISH}, {JOB_EVENT_PREPARED, NULL, JOB_ACTION_NONE});
    assert_string_equal(machine.reason, "cancelled");
    reset(state);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_FINISH}, {JOB_EVENT_UPLOADED, NULL, JOB_ACTION_NONE});
    assert_false(machine.succeeded);
}

static void a_second_stop_is_passed_on_and_keeps_the_first_reason(void **state)
{
    (void)state;
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_STOP, "timed out", JOB_ACTION_STOP_WORK},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_STOP_WORK},
         {JOB_EVENT_WORK_FAILED, NULL, JOB_ACTION_FINISH});
    assert_string_equal(machine.reason, "timed out");
}

static void a_stop_after_the_end_changes_nothing(void **state)
{
    (void)state;
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
         {JOB_EVENT_UPLOADED, NULL, JOB_ACTION_FINISH}, {JOB_EVENT_STOP, "cancelled", JOB_ACTION_NONE},
         {JOB_EVENT_FINISHED, NULL, JOB_ACTION_END}, {JOB_EVENT_STOP, "cancelled", JOB_ACTION_NONE},
         {JOB_EVENT_FINISHED, NULL, JOB_ACTION_NONE});
    assert_true(machine.succeeded);
    assert_false(machine.stopped);
}

static void what_does_not_belong_to_a_phase_changes_nothing(void **state)
{
    static const struct step to_phase[] = {{JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
                                           {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
                                           {JOB_EVENT_UPLOADED, NULL, JOB_ACTION_FINISH},
                                           {JOB_EVENT_FINISHED, NULL, JOB_ACTION_END}};
    static const enum job_phase phases[] = {JOB_PHASE_PREPARING, JOB_PHASE_WORKING, JOB_PHASE_UPLOADING,
                                            JOB_PHASE_FINISHING, JOB_PHASE_ENDED};
    static const enum job_event ours[5][2] = {{JOB_EVENT_PREPARED, JOB_EVENT_PREPARE_FAILED},
                                              {JOB_EVENT_WORK_SUCCEEDED, JOB_EVENT_WORK_FAILED},
                                              {JOB_EVENT_UPLOADED, JOB_EVENT_UPLOAD_FAILED},
                                              {JOB_EVENT_FINISHED, JOB_EVENT_FINISHED},
                                              {JOB_EVENT_STOP, JOB_EVENT_STOP}};
    for (size_t phase = 0; phase < 5; phase++)
        for (enum job_event event = JOB_EVENT_PREPARED; event <= JOB_EVENT_FINISHED; event++) {
            if (event == ours[phase][0] || event == ours[phase][1] || event == JOB_EVENT_STOP)
                continue;
            reset(state);
            play(to_phase, phase);
            assert_int_equal(job_machine_on(&machine, event, "late"), JOB_ACTION_NONE);
            assert_int_equal(machine.phase, phases[phase]);
            assert_null(machine.reason);
        }
}

static void a_failure_without_a_reason_says_so(void **state)
{
    PLAY({JOB_EVENT_PREPARE_FAILED, NULL, JOB_ACTION_FINISH});
    assert_string_equal(machine.reason, "failed without a reason");
    assert_false(machine.stopped);
    reset(state);
    PLAY({JOB_EVENT_STOP, "cancelled", JOB_ACTION_FINISH});
    assert_true(machine.stopped);
    assert_int_equal(machine.phase, JOB_PHASE_FINISHING);
    reset(state);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_STOP_WORK});
    assert_int_equal(machine.phase, JOB_PHASE_STOPPING);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_NONE}, {JOB_EVENT_UPLOADED, NULL, JOB_ACTION_NONE},
         {JOB_EVENT_FINISHED, NULL, JOB_ACTION_NONE});
    reset(state);
    PLAY({JOB_EVENT_PREPARED, NULL, JOB_ACTION_START_WORK},
         {JOB_EVENT_WORK_SUCCEEDED, NULL, JOB_ACTION_START_UPLOADS},
         {JOB_EVENT_STOP, "cancelled", JOB_ACTION_FINISH});
    assert_true(machine.stopped);
}

static void every_phase_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"preparing", "working",   "stopping",
                                        "uploading", "finishing", "ended"};
    for (enum job_phase phase = JOB_PHASE_PREPARING; phase <= JOB_PHASE_ENDED; phase++)
        assert_string_equal(job_phase_name(phase), names[phase]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_job_prepares_works_uploads_and_finishes, reset, clear),
        cmocka_unit_test_setup_teardown(each_failure_is_reported_with_its_reason, reset, clear),
        cmocka_unit_test_setup_teardown(a_stop_while_working_waits_until_the_work_is_gone, reset, clear),
        cmocka_unit_test_setup_teardown(work_that_succeeds_after_a_stop_is_not_uploaded, reset, clear),
        cmocka_unit_test_setup_teardown(a_stop_while_preparing_or_uploading_finishes_at_once, reset, clear),
        cmocka_unit_test_setup_teardown(a_second_stop_is_passed_on_and_keeps_the_first_reason, reset, clear),
        cmocka_unit_test_setup_teardown(a_stop_after_the_end_changes_nothing, reset, clear),
        cmocka_unit_test_setup_teardown(what_does_not_belong_to_a_phase_changes_nothing, reset, clear),
        cmocka_unit_test_setup_teardown(a_failure_without_a_reason_says_so, reset, clear),
        cmocka_unit_test_setup_teardown(every_phase_has_its_name, reset, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
