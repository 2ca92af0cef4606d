/* services/authd/registration/registration.h: rules of docs/network.md 1.2 and 1.3, of one sentence each. */
#include "tests/unit/registration_fixture.h"

static void retries_for_ever_without_a_limit(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    for (int i = 0; i < 1000; i++)
        assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 1600, 72000);
    succeed(&fixture);
}

static void one_retry_pauses_after_every_failure(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(fail_once(&fixture, REGISTRATION_TRANSIENT), INTERVAL_MS);
}

static void the_wallet_flow_backs_off_and_pauses_alike(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, true, 3);
    for (int round = 0; round < 2; round++) {
        assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 1600, 2400);
        /* What is no transient failure has its own wait and does not count. */
        assert_int_equal(fail_once(&fixture, REGISTRATION_CONFLICT), INTERVAL_MS);
        assert_int_equal(fail_once(&fixture, REGISTRATION_REFUSED), INTERVAL_MS);
        assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 3200, 4800);
        assert_int_equal(fail_once(&fixture, REGISTRATION_TRANSIENT), INTERVAL_MS);
    }
}

/* The registration ages from its success on, and anew from each health check. */
static void assert_ages_after_the_interval(struct fixture *fixture)
{
    int64_t since_ms = fixture->now_ms;
    assert_int_equal(next(fixture).at_ms, since_ms + INTERVAL_MS + 1);
    fixture->now_ms = since_ms + INTERVAL_MS;
    assert_int_equal(next(fixture).action, REGISTRATION_WAIT);
    assert_int_equal(fixture->registration.state, REGISTRATION_REGISTERED);
    fixture->now_ms = since_ms;
}

static void a_success_and_a_health_check_count_for_the_interval(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    assert_ages_after_the_interval(&fixture);
    fixture.now_ms += 70000;
    registration_on_health_check(&fixture.registration, fixture.now_ms);
    assert_ages_after_the_interval(&fixture);
    fixture.now_ms += INTERVAL_MS + 1;
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void an_endpoint_heard_of_at_time_zero_is_heard_of(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, false, -1);
    fixture.now_ms = 0;
    registration_on_capabilities(&fixture.registration, true, true);
    assert_int_equal(next(&fixture).action, REGISTRATION_NEEDS_INBOUND);
    registration_on_inbound_listening(&fixture.registration, 0);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void a_health_check_alone_registers_nobody(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    registration_on_health_check(&fixture.registration, fixture.now_ms);
    assert_int_equal(fixture.registration.state, REGISTRATION_DISCONNECTED);
    attempt(&fixture);
    registration_on_health_check(&fixture.registration, fixture.now_ms);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
}

static void a_callback_of_an_earlier_attempt_does_not_cover_a_later_failure(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    assert_true(call_back(&fixture));
    assert_true(fixture.registration.called_back_in_flight);
    finish(&fixture, REGISTRATION_TRANSIENT);
    fixture.now_ms += INTERVAL_MS + 1;
    attempt(&fixture);
    assert_false(fixture.registration.called_back_in_flight);
    finish(&fixture, REGISTRATION_TRANSIENT);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
}

/* DDS may refuse a login that the callback allowed while its answer to the registration is still out. */
static void a_login_refused_after_the_callback_leaves_it_to_the_answer(void **state)
{
    (void)state;
    for (int accepted = 0; accepted < 2; accepted++) {
        struct fixture fixture;
        start_ready(&fixture, false, -1);
        attempt(&fixture);
        assert_true(call_back(&fixture));
        reject_login(&fixture);
        assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
        assert_int_equal(next(&fixture).action, REGISTRATION_IDLE);
        finish(&fixture, accepted ? REGISTRATION_ACCEPTED : REGISTRATION_TRANSIENT);
        assert_int_equal(fixture.registration.state,
                         accepted ? REGISTRATION_REGISTERED : REGISTRATION_REGISTERING);
        /* So that the login need not wait for another callback. */
        assert_true(fixture.registration.called_back_in_flight);
        if (!accepted) {
            fixture.now_ms += 2400;
            succeed(&fixture);
        }
    }
}

static void a_login_refused_in_the_backoff_registers_no_sooner(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    finish(&fixture, REGISTRATION_TRANSIENT);
    int64_t at_ms = next(&fixture).at_ms;
    reject_login(&fixture);
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    assert_true(next(&fixture).at_ms >= at_ms);
}

static void capabilities_that_go_away_and_come_back_the_same_change_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    fixture.now_ms += 5000;
    registration_on_capabilities(&fixture.registration, false, false);
    registration_on_capabilities(&fixture.registration, true, false);
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    registration_on_capabilities(&fixture.registration, true, true);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void a_change_is_no_reason_to_register_once_there_is_nothing_left(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    registration_on_capabilities(&fixture.registration, true, true);
    registration_on_capabilities(&fixture.registration, false, true);
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERED);
}

static void changes_in_quick_succession_are_registered_a_second_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, true, -1);
    succeed(&fixture);
    for (int i = 0; i < 3; i++) {
        registration_on_capabilities(&fixture.registration, true, true);
        struct registration_step step = next(&fixture);
        assert_int_equal(step.action, REGISTRATION_WAIT);
        assert_int_equal(step.at_ms, fixture.now_ms + 1000);
        fixture.now_ms = step.at_ms;
        succeed(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retries_for_ever_without_a_limit),
        cmocka_unit_test(one_retry_pauses_after_every_failure),
        cmocka_unit_test(the_wallet_flow_backs_off_and_pauses_alike),
        cmocka_unit_test(a_success_and_a_health_check_count_for_the_interval),
        cmocka_unit_test(an_endpoint_heard_of_at_time_zero_is_heard_of),
        cmocka_unit_test(a_health_check_alone_registers_nobody),
        cmocka_unit_test(a_callback_of_an_earlier_attempt_does_not_cover_a_later_failure),
        cmocka_unit_test(a_login_refused_after_the_callback_leaves_it_to_the_answer),
        cmocka_unit_test(a_login_refused_in_the_backoff_registers_no_sooner),
        cmocka_unit_test(capabilities_that_go_away_and_come_back_the_same_change_nothing),
        cmocka_unit_test(a_change_is_no_reason_to_register_once_there_is_nothing_left),
        cmocka_unit_test(changes_in_quick_succession_are_registered_a_second_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
