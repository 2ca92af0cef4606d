/* services/authd/registration/registration.h: attempts, outcomes, and what makes a node register again. */
#include "tests/unit/registration_fixture.h"

static void begins_disconnected_and_waits_for_runners(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, false, -1);
    registration_on_inbound_listening(&fixture.registration, START_MS);
    assert_int_equal(fixture.registration.state, REGISTRATION_DISCONNECTED);
    assert_int_equal(next(&fixture).action, REGISTRATION_NEEDS_RUNNERS);
    registration_on_capabilities(&fixture.registration, true, true);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void registers_only_while_the_inbound_endpoint_listens(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, false, -1);
    registration_on_capabilities(&fixture.registration, true, true);
    assert_int_equal(registration_next(&fixture.registration, START_MS).action, REGISTRATION_NEEDS_INBOUND);
    registration_on_inbound_listening(&fixture.registration, START_MS);
    assert_int_equal(registration_next(&fixture.registration, START_MS + 30000).action, REGISTRATION_ATTEMPT);
    assert_int_equal(registration_next(&fixture.registration, START_MS + 30001).action,
                     REGISTRATION_NEEDS_INBOUND);
}

static void the_wallet_flow_needs_no_inbound_endpoint(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, true, -1);
    registration_on_capabilities(&fixture.registration, true, true);
    assert_int_equal(registration_next(&fixture.registration, START_MS).action, REGISTRATION_ATTEMPT);
}

static void makes_one_attempt_at_a_time(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
    fixture.now_ms += INTERVAL_MS * INT64_C(10);
    assert_int_equal(next(&fixture).action, REGISTRATION_IDLE);
}

static void failures_double_the_wait_up_to_a_minute(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    const int64_t expected_secs[] = {2, 4, 8, 16, 32, 60, 60, 60, 60};
    for (size_t i = 0; i < sizeof expected_secs / sizeof expected_secs[0]; i++) {
        int64_t wait_ms = fail_once(&fixture, REGISTRATION_TRANSIENT);
        assert_in_range(wait_ms, expected_secs[i] * 800, expected_secs[i] * 1200);
    }
}

static void waits_are_random(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, 2);
    int64_t first_ms = fail_once(&fixture, REGISTRATION_TRANSIENT);
    fail_once(&fixture, REGISTRATION_TRANSIENT);
    assert_int_not_equal(first_ms, fail_once(&fixture, REGISTRATION_TRANSIENT));
}

static void pauses_after_the_given_number_of_failures_and_counts_anew(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, 3);
    for (int round = 0; round < 2; round++) {
        assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 1600, 2400);
        assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 3200, 4800);
        assert_int_equal(fail_once(&fixture, REGISTRATION_TRANSIENT), INTERVAL_MS);
    }
}

static void with_no_retries_pauses_after_every_failure(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, 0);
    assert_int_equal(fail_once(&fixture, REGISTRATION_TRANSIENT), INTERVAL_MS);
    assert_int_equal(fail_once(&fixture, REGISTRATION_TRANSIENT), INTERVAL_MS);
}

static void success_resets_the_count_of_failures(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    for (int i = 0; i < 4; i++)
        fail_once(&fixture, REGISTRATION_TRANSIENT);
    succeed(&fixture);
    fixture.now_ms += INTERVAL_MS + 1;
    assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 1600, 2400);
}

static void a_server_may_ask_for_a_longer_wait_but_not_beyond_the_interval(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    registration_on_outcome(&fixture.registration, REGISTRATION_TRANSIENT, 20000, fixture.now_ms);
    assert_int_equal(next(&fixture).at_ms, fixture.now_ms + 20000);
    fixture.now_ms += 20000;
    attempt(&fixture);
    registration_on_outcome(&fixture.registration, REGISTRATION_TRANSIENT, INT64_MAX, fixture.now_ms);
    assert_int_equal(next(&fixture).at_ms, fixture.now_ms + INTERVAL_MS);
}

static void registers_again_when_health_checks_stay_away(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    fixture.now_ms += INTERVAL_MS - 1000;
    registration_on_health_check(&fixture.registration, fixture.now_ms);
    struct registration_step step = next(&fixture);
    assert_int_equal(step.action, REGISTRATION_WAIT);
    fixture.now_ms += INTERVAL_MS;
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    fixture.now_ms = step.at_ms;
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
}

static void a_changed_capability_list_registers_again(void **state)
{
    (void)state;
    for (int wallet_flow = 0; wallet_flow < 2; wallet_flow++) {
        struct fixture fixture;
        start_ready(&fixture, wallet_flow, -1);
        succeed(&fixture);
        registration_on_capabilities(&fixture.registration, true, false);
        fixture.now_ms += REGISTRATION_CHANGE_GAP_MS;
        assert_int_not_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
        registration_on_capabilities(&fixture.registration, true, true);
        succeed(&fixture);
    }
}

static void a_change_during_an_attempt_is_registered_after_it(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    attempt(&fixture);
    registration_on_capabilities(&fixture.registration, true, true);
    finish(&fixture, REGISTRATION_ACCEPTED);
    fixture.now_ms += REGISTRATION_CHANGE_GAP_MS;
    succeed(&fixture);
    fixture.now_ms += REGISTRATION_CHANGE_GAP_MS;
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
}

static void never_registers_an_empty_list(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    registration_on_capabilities(&fixture.registration, false, false);
    assert_int_equal(next(&fixture).action, REGISTRATION_WAIT);
    fixture.now_ms += INTERVAL_MS + 1;
    assert_int_equal(next(&fixture).action, REGISTRATION_NEEDS_RUNNERS);
}

static void a_refused_login_registers_again_at_once_then_with_pauses(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, false, -1);
    succeed(&fixture);
    fixture.now_ms += 5000;
    reject_login(&fixture);
    assert_int_equal(fixture.registration.state, REGISTRATION_REGISTERING);
    succeed(&fixture);
    for (int64_t secs = 2; secs <= 8; secs *= 2) {
        reject_login(&fixture);
        struct registration_step step = next(&fixture);
        assert_int_equal(step.action, REGISTRATION_WAIT);
        assert_in_range(step.at_ms - fixture.now_ms, secs * 800, secs * 1200);
        fixture.now_ms = step.at_ms;
        succeed(&fixture);
    }
    registration_on_login_succeeded(&fixture.registration);
    fixture.now_ms += 5000;
    reject_login(&fixture);
    succeed(&fixture);
    reject_login(&fixture);
    assert_in_range(next(&fixture).at_ms - fixture.now_ms, 1600, 2400);
}

static void the_wallet_flow_parks_until_a_login_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, true, -1);
    succeed(&fixture);
    fixture.now_ms += INTERVAL_MS * INT64_C(100);
    assert_int_equal(next(&fixture).action, REGISTRATION_IDLE);
    reject_login(&fixture);
    assert_int_equal(fixture.registration.state, REGISTRATION_DISCONNECTED);
    assert_int_equal(next(&fixture).action, REGISTRATION_ATTEMPT);
}

static void tells_failures_apart_where_nobody_is_called_back(void **state)
{
    (void)state;
    const int transient[] = {0, 408, 429, 500, 502, 503, 599};
    const int refused[] = {301, 302, 307, 400, 401, 403, 404, 410, 422};
    struct fixture wallet, callback;
    start(&wallet, true, -1);
    start(&callback, false, -1);
    for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++)
        assert_int_equal(registration_outcome_of_status(&wallet.registration, transient[i]),
                         REGISTRATION_TRANSIENT);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(registration_outcome_of_status(&wallet.registration, refused[i]),
                         REGISTRATION_REFUSED);
    assert_int_equal(registration_outcome_of_status(&wallet.registration, 409), REGISTRATION_CONFLICT);
    for (int status = 0; status < 600; status++)
        if (status < 200 || status > 299)
            assert_int_equal(registration_outcome_of_status(&callback.registration, status),
                             status == 0 || status >= 500 ? REGISTRATION_TRANSIENT : REGISTRATION_REFUSED);
}

static void the_wallet_flow_retries_conflicts_and_refusals_slowly(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, true, -1);
    assert_int_equal(fail_once(&fixture, REGISTRATION_CONFLICT), INTERVAL_MS);
    assert_int_equal(fail_once(&fixture, REGISTRATION_REFUSED), INTERVAL_MS);
    assert_in_range(fail_once(&fixture, REGISTRATION_TRANSIENT), 1600, 2400);
}

static void warns_of_a_conflict_once_in_three_minutes(void **state)
{
    (void)state;
    struct fixture fixture;
    start_ready(&fixture, true, -1);
    assert_true(registration_take_conflict_warning(&fixture.registration, START_MS));
    assert_false(registration_take_conflict_warning(&fixture.registration, START_MS + 179999));
    assert_true(registration_take_conflict_warning(&fixture.registration, START_MS + 180000));
    assert_false(registration_take_conflict_warning(&fixture.registration, START_MS + 180001));
    start(&fixture, true, -1);
    assert_true(registration_take_conflict_warning(&fixture.registration, 0));
    assert_false(registration_take_conflict_warning(&fixture.registration, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_disconnected_and_waits_for_runners),
        cmocka_unit_test(registers_only_while_the_inbound_endpoint_listens),
        cmocka_unit_test(the_wallet_flow_needs_no_inbound_endpoint),
        cmocka_unit_test(makes_one_attempt_at_a_time),
        cmocka_unit_test(failures_double_the_wait_up_to_a_minute),
        cmocka_unit_test(waits_are_random),
        cmocka_unit_test(pauses_after_the_given_number_of_failures_and_counts_anew),
        cmocka_unit_test(with_no_retries_pauses_after_every_failure),
        cmocka_unit_test(success_resets_the_count_of_failures),
        cmocka_unit_test(a_server_may_ask_for_a_longer_wait_but_not_beyond_the_interval),
        cmocka_unit_test(registers_again_when_health_checks_stay_away),
        cmocka_unit_test(a_changed_capability_list_registers_again),
        cmocka_unit_test(a_change_during_an_attempt_is_registered_after_it),
        cmocka_unit_test(never_registers_an_empty_list),
        cmocka_unit_test(a_refused_login_registers_again_at_once_then_with_pauses),
        cmocka_unit_test(the_wallet_flow_parks_until_a_login_is_refused),
        cmocka_unit_test(tells_failures_apart_where_nobody_is_called_back),
        cmocka_unit_test(the_wallet_flow_retries_conflicts_and_refusals_slowly),
        cmocka_unit_test(warns_of_a_conflict_once_in_three_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
