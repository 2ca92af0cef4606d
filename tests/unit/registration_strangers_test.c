/* services/authd/registration/registration.h: callbacks and health checks, which anyone may send
 * (docs/network.md 1.1, 1.2). */
#include "tests/unit/registration_fixture.h"

enum { CALLBACK_MS = 120000 };

static void assert_state(const struct fixture *fixture, enum registration_state state)
{
    assert_int_equal(fixture->registration.state, state);
}

static void a_callback_during_an_attempt_registers_though_the_answer_is_lost(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    assert_true(call_back(&fixture));
    assert_state(&fixture, REGISTRATION_REGISTERED);
    finish(&fixture, REGISTRATION_TRANSIENT);
    assert_state(&fixture, REGISTRATION_REGISTERED);
}

static void a_callback_before_any_attempt_changes_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    assert_false(call_back(&fixture));
    assert_state(&fixture, REGISTRATION_DISCONNECTED);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

/* After each outcome: whether a callback counts, and for how long. */
static void a_callback_counts_for_two_minutes_after_what_dds_may_have_taken(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool counts;
    } cases[] = {{200, true},  {0, true},    {500, true},  {503, true},  {599, true},
                 {307, false}, {400, false}, {403, false}, {408, false}, {429, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture;
        start_ready(&fixture, false, -1);
        attempt(&fixture);
        finish(&fixture, cases[i].status == 200
                             ? REGISTRATION_ACCEPTED
                             : registration_outcome_of_status(&fixture.registration, cases[i].status));
        assert_int_equal(call_back(&fixture), cases[i].counts);
        fixture.now_ms += CALLBACK_MS;
        assert_int_equal(call_back(&fixture), cases[i].counts);
        fixture.now_ms++;
        assert_false(call_back(&fixture));
    }
}

static void a_callback_at_another_time_marks_nobody_registered(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    fixture.now_ms += CALLBACK_MS + 1;
    reject_login(&fixture);
    assert_false(call_back(&fixture));
    assert_state(&fixture, REGISTRATION_REGISTERING);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

/* Only a 2xx ends the loop. */
static void after_a_callback_alone_the_attempts_go_on_at_their_time(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    for (int64_t secs = 2; secs <= 32; secs *= 2) {
        attempt(&fixture);
        finish(&fixture, REGISTRATION_TRANSIENT);
        int64_t at_ms = next(&fixture).at_ms;
        assert_in_range(at_ms - fixture.now_ms, secs * 800, secs * 1200);
        for (int i = 0; i < 10; i++) {
            assert_true(call_back(&fixture));
            assert_state(&fixture, REGISTRATION_REGISTERED);
            registration_on_health_check(&fixture.registration, fixture.now_ms);
            assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
            assert_int_equal(next(&fixture).at_ms, at_ms);
            fixture.now_ms += secs * 80;
        }
        fixture.now_ms = at_ms;
    }
    succeed(&fixture);
    fixture.now_ms += CALLBACK_MS;
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
}

/* An acceptance that is over does not count: the node has begun to register anew. */
static void a_callback_after_an_old_acceptance_is_a_callback_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    fixture.now_ms += INTERVAL_MS + 1;
    attempt(&fixture);
    assert_true(call_back(&fixture));
    finish(&fixture, REGISTRATION_TRANSIENT);
    assert_in_range(next(&fixture).at_ms - fixture.now_ms, 1600, 2400);
    assert_state(&fixture, REGISTRATION_REGISTERED);
    reject_login(&fixture);
    assert_int_equal(fixture.registration.rejections, 0);
}

static void a_callback_during_an_attempt_leaves_the_backoff_as_it_is(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    for (int64_t secs = 2; secs <= 32; secs *= 2) {
        attempt(&fixture);
        assert_true(call_back(&fixture));
        finish(&fixture, REGISTRATION_TRANSIENT);
        struct registration_step step = next(&fixture);
        assert_int_equal(step.action, REGISTRATION_WAIT);
        assert_in_range(step.at_ms - fixture.now_ms, secs * 800, secs * 1200);
        fixture.now_ms = step.at_ms;
    }
}

static void a_refusal_by_dds_outweighs_a_callback(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    assert_true(call_back(&fixture));
    finish(&fixture, REGISTRATION_REFUSED);
    assert_state(&fixture, REGISTRATION_REGISTERING);
}

/* Else who calls back has logins begin, and their refusals have the pauses grow. */
static void a_refused_login_of_a_callback_alone_moves_neither_backoff_nor_count(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    finish(&fixture, REGISTRATION_TRANSIENT);
    int64_t at_ms = next(&fixture).at_ms;
    for (int i = 0; i < 20; i++) {
        assert_true(call_back(&fixture));
        reject_login(&fixture);
        assert_state(&fixture, REGISTRATION_REGISTERING);
        assert_int_equal(next(&fixture).at_ms, at_ms);
    }
    fixture.now_ms = at_ms;
    attempt(&fixture);
    for (int i = 0; i < 20; i++) {
        assert_true(call_back(&fixture));
        reject_login(&fixture);
    }
    finish(&fixture, REGISTRATION_ACCEPTED);
    assert_int_equal(fixture.registration.rejections, 0);
    fixture.now_ms += 5000;
    reject_login(&fixture);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void a_login_sent_before_the_registration_was_accepted_does_not_undo_it(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    assert_true(call_back(&fixture));
    int64_t sent_ms = fixture.now_ms++;
    finish(&fixture, REGISTRATION_ACCEPTED);
    assert_false(registration_on_login_rejected(&fixture.registration, sent_ms, fixture.now_ms));
    assert_state(&fixture, REGISTRATION_REGISTERED);
    assert_true(registration_on_login_rejected(&fixture.registration, fixture.now_ms, fixture.now_ms));
    assert_state(&fixture, REGISTRATION_REGISTERING);
}

static void callbacks_do_not_keep_a_registration_young(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    struct registration_step step = next(&fixture);
    while (fixture.now_ms < step.at_ms) {
        call_back(&fixture);
        assert_int_equal(next(&fixture).at_ms, step.at_ms);
        fixture.now_ms += 100;
    }
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

/* What a forger of health checks can do: put off the look at a registration that DDS accepted, and no more.
 */
static void health_checks_do_not_stop_a_node_that_dds_has_forgotten(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    for (int i = 0; i < 5; i++) {
        fixture.now_ms += INTERVAL_MS;
        registration_on_health_check(&fixture.registration, fixture.now_ms);
        assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    }
    reject_login(&fixture);
    registration_on_health_check(&fixture.registration, fixture.now_ms);
    assert_state(&fixture, REGISTRATION_REGISTERING);
    int64_t at_ms = fixture.now_ms + fail_once(&fixture, REGISTRATION_TRANSIENT);
    registration_on_health_check(&fixture.registration, fixture.now_ms - 1);
    assert_int_equal(fixture.now_ms, at_ms);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_callback_during_an_attempt_registers_though_the_answer_is_lost),
        cmocka_unit_test(a_callback_before_any_attempt_changes_nothing),
        cmocka_unit_test(a_callback_counts_for_two_minutes_after_what_dds_may_have_taken),
        cmocka_unit_test(a_callback_at_another_time_marks_nobody_registered),
        cmocka_unit_test(after_a_callback_alone_the_attempts_go_on_at_their_time),
        cmocka_unit_test(a_callback_after_an_old_acceptance_is_a_callback_alone),
        cmocka_unit_test(a_callback_during_an_attempt_leaves_the_backoff_as_it_is),
        cmocka_unit_test(a_refusal_by_dds_outweighs_a_callback),
        cmocka_unit_test(a_refused_login_of_a_callback_alone_moves_neither_backoff_nor_count),
        cmocka_unit_test(a_login_sent_before_the_registration_was_accepted_does_not_undo_it),
        cmocka_unit_test(callbacks_do_not_keep_a_registration_young),
        cmocka_unit_test(health_checks_do_not_stop_a_node_that_dds_has_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
