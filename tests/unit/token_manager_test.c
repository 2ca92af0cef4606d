#include "services/authd/login/token_manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { START_MS = 1000000, HOUR_MS = 3600 * 1000, FIRST_NUMBER = 5000 };

struct fixture {
    struct random random;
    struct token_manager manager;
    int64_t now_ms;
};

static void start(struct fixture *fixture, const struct token_policy *policy)
{
    fixture->random = random_seeded(11);
    fixture->now_ms = START_MS;
    token_manager_init(&fixture->manager, policy, FIRST_NUMBER, &fixture->random);
}

static const struct token_policy wallet_policy = {.safety_ratio = 0.75, .jitter_ms = 500, .max_retries = 3};

static void start_registered(struct fixture *fixture)
{
    start(fixture, &wallet_policy);
    token_manager_on_registered(&fixture->manager, fixture->now_ms);
}

static struct token_step next(struct fixture *fixture)
{
    return token_manager_next(&fixture->manager, fixture->now_ms);
}

static void begin(struct fixture *fixture)
{
    assert_int_equal(next(fixture).action, TOKEN_LOGIN);
    token_manager_on_login(&fixture->manager, fixture->now_ms);
}

static void succeed(struct fixture *fixture, const char *text, int64_t life_ms)
{
    struct secret token = SECRET_EMPTY;
    secret_assign(&token, text, strlen(text));
    token_manager_on_success(&fixture->manager, &token, fixture->now_ms + life_ms, fixture->now_ms);
    secret_wipe(&token);
}

static void log_in(struct fixture *fixture, const char *text, int64_t life_ms)
{
    begin(fixture);
    succeed(fixture, text, life_ms);
}

static void assert_token(const struct fixture *fixture, const char *text)
{
    const struct secret *token = token_manager_get(&fixture->manager, fixture->now_ms);
    if (!text) {
        assert_null(token);
        return;
    }
    assert_non_null(token);
    assert_string_equal(token->bytes, text);
}

static void no_login_before_the_registration(void **state)
{
    (void)state;
    struct fixture fixture;
    start(&fixture, &wallet_policy);
    fixture.now_ms += HOUR_MS;
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    token_manager_clear(&fixture.manager);
}

static void the_callback_flow_logs_in_when_the_callback_is_stored(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.called_back = true;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_WAIT);
    fixture.now_ms += 10;
    token_manager_on_callback_stored(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_false(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms + HOUR_MS));
}

static void without_a_callback_it_warns_once_and_logs_in_after_thirty_seconds(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.called_back = true;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, START_MS);
    /* A registration that is repeated meanwhile does not put the login off. */
    token_manager_on_registered(&fixture.manager, START_MS + 20000);
    fixture.now_ms = START_MS + 29999;
    assert_int_equal(next(&fixture).at_ms, START_MS + 30000);
    fixture.now_ms = START_MS + 30000;
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_true(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms));
    assert_false(token_manager_take_callback_warning(&fixture.manager, fixture.now_ms));
}

static void renews_at_the_ratio_within_the_jitter(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct fixture fixture;
        start_registered(&fixture);
        fixture.random = random_seeded(seed);
        log_in(&fixture, "one", HOUR_MS);
        struct token_step step = next(&fixture);
        assert_int_equal(step.action, TOKEN_WAIT);
        assert_in_range(step.at_ms, START_MS + HOUR_MS * 3 / 4 - 500, START_MS + HOUR_MS * 3 / 4 + 500);
        token_manager_clear(&fixture.manager);
    }
}

static void never_renews_after_the_expiry_nor_before_the_next_millisecond(void **state)
{
    (void)state;
    const double ratios[] = {0, 1};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct token_policy policy = wallet_policy;
        struct fixture fixture;
        policy.safety_ratio = ratios[seed % 2];
        policy.jitter_ms = HOUR_MS;
        start(&fixture, &policy);
        fixture.random = random_seeded(seed);
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        log_in(&fixture, "one", HOUR_MS);
        assert_in_range(next(&fixture).at_ms, START_MS + 1, START_MS + HOUR_MS);
        token_manager_clear(&fixture.manager);
    }
}

static void a_renewal_leaves_the_old_token_in_use(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms = next(&fixture).at_ms;
    begin(&fixture);
    assert_token(&fixture, "one");
    succeed(&fixture, "two", HOUR_MS);
    assert_token(&fixture, "two");
    assert_int_equal(fixture.manager.number, FIRST_NUMBER + 2);
    token_manager_clear(&fixture.manager);
}

static void background_renewals_are_a_second_apart(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    for (int i = 0; i < 5; i++) {
        int64_t began_ms = fixture.now_ms;
        log_in(&fixture, "brief", 40);
        struct token_step step = next(&fixture);
        assert_int_equal(step.action, TOKEN_WAIT);
        assert_true(step.at_ms >= began_ms + 1000);
        fixture.now_ms = step.at_ms;
    }
    token_manager_clear(&fixture.manager);
}

static void gives_nobody_an_expired_token(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    /* Nor one that would expire on its way. */
    fixture.now_ms += HOUR_MS - 250 - 1;
    assert_token(&fixture, "one");
    fixture.now_ms++;
    assert_token(&fixture, NULL);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    assert_int_equal(fixture.manager.token.length, 0);
}

static void a_token_of_the_shortest_life_is_given_for_most_of_it(void **state)
{
    (void)state;
    const int64_t lives_ms[] = {1, 2, 40, 1000};
    for (size_t i = 0; i < sizeof lives_ms / sizeof lives_ms[0]; i++) {
        struct fixture fixture;
        start_registered(&fixture);
        log_in(&fixture, "brief", lives_ms[i]);
        assert_token(&fixture, "brief");
        fixture.now_ms += (lives_ms[i] - 1) * 9 / 10;
        assert_token(&fixture, "brief");
        fixture.now_ms = START_MS + lives_ms[i];
        assert_token(&fixture, NULL);
        token_manager_clear(&fixture.manager);
    }
}

static void one_login_at_a_time(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    begin(&fixture);
    fixture.now_ms += HOUR_MS;
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
}

static void tries_a_failed_login_again_then_backs_off(void **state)
{
    (void)state;
    struct fixture fixture;
    int64_t backoff_max_ms = 2000;
    start_registered(&fixture);
    for (int round = 0; round < 8; round++) {
        for (int try = 0; try <= 3; try++) {
            begin(&fixture);
            bool round_over = token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
            assert_int_equal(round_over, try == 3);
            if (!round_over) {
                assert_in_range(fixture.manager.not_before_ms - fixture.now_ms, 0, 500);
                fixture.now_ms = fixture.manager.not_before_ms;
            }
        }
        int64_t wait_ms = fixture.manager.not_before_ms - fixture.now_ms;
        assert_in_range(wait_ms, backoff_max_ms / 2, backoff_max_ms);
        assert_int_equal(next(&fixture).action, TOKEN_WAIT);
        fixture.now_ms = fixture.manager.not_before_ms;
        backoff_max_ms = backoff_max_ms * 2 < 60000 ? backoff_max_ms * 2 : 60000;
    }
}

static void a_success_ends_the_backoff(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.max_retries = 0;
    start(&fixture, &policy);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    for (int i = 0; i < 5; i++) {
        begin(&fixture);
        assert_true(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms));
        fixture.now_ms = fixture.manager.not_before_ms;
    }
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms += HOUR_MS;
    begin(&fixture);
    token_manager_on_failure(&fixture.manager, -1, fixture.now_ms);
    assert_in_range(fixture.manager.not_before_ms - fixture.now_ms, 1000, 2000);
}

static void a_refused_token_is_dropped_by_its_number_alone(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    assert_false(token_manager_refuse(&fixture.manager, FIRST_NUMBER));
    log_in(&fixture, "one", HOUR_MS);
    int64_t first = fixture.manager.number;
    fixture.now_ms += 2000;
    assert_true(token_manager_refuse(&fixture.manager, first));
    assert_token(&fixture, NULL);
    log_in(&fixture, "two", HOUR_MS);
    assert_false(token_manager_refuse(&fixture.manager, first));
    assert_false(token_manager_refuse(&fixture.manager, 0));
    assert_token(&fixture, "two");
    token_manager_clear(&fixture.manager);
}

static void a_rejected_login_waits_for_the_next_registration(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "one", HOUR_MS);
    fixture.now_ms = next(&fixture).at_ms;
    begin(&fixture);
    token_manager_on_rejection(&fixture.manager);
    assert_int_equal(next(&fixture).action, TOKEN_IDLE);
    assert_token(&fixture, "one");
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    assert_int_equal(next(&fixture).action, TOKEN_LOGIN);
    token_manager_clear(&fixture.manager);
}

/* Generators that always give the largest and the smallest fraction. */
static uint64_t next_highest(struct random *random)
{
    (void)random;
    return UINT64_MAX;
}

static uint64_t next_lowest(struct random *random)
{
    (void)random;
    return 0;
}

static void rounds_of_tries_back_off_for_a_second_up_to_a_minute(void **state)
{
    (void)state;
    static const int64_t longest_ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (int highest = 0; highest < 2; highest++) {
        struct fixture fixture;
        struct token_policy policy = wallet_policy;
        policy.max_retries = 0;
        start(&fixture, &policy);
        fixture.random.next = highest ? next_highest : next_lowest;
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        for (size_t i = 0; i < sizeof longest_ms / sizeof longest_ms[0]; i++) {
            begin(&fixture);
            assert_true(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms));
            int64_t wait_ms = fixture.manager.not_before_ms - fixture.now_ms;
            assert_int_equal(wait_ms, highest ? longest_ms[i] : longest_ms[i] / 2);
            fixture.now_ms = fixture.manager.not_before_ms;
        }
    }
}

static void a_server_may_ask_for_a_longer_wait_up_to_a_minute(void **state)
{
    (void)state;
    static const int64_t asked_ms[][2] = {
        {-1, 1000}, {500, 1000}, {30000, 30000}, {60000, 60000}, {90000, 60000}};
    for (size_t i = 0; i < sizeof asked_ms / sizeof asked_ms[0]; i++) {
        struct fixture fixture;
        struct token_policy policy = wallet_policy;
        policy.max_retries = 0;
        start(&fixture, &policy);
        fixture.random.next = next_lowest;
        token_manager_on_registered(&fixture.manager, fixture.now_ms);
        begin(&fixture);
        assert_true(token_manager_on_failure(&fixture.manager, asked_ms[i][0], fixture.now_ms));
        assert_int_equal(fixture.manager.not_before_ms - fixture.now_ms, asked_ms[i][1]);
    }
}

static void jitter_goes_from_its_one_end_to_the_other(void **state)
{
    (void)state;
    for (int highest = 0; highest < 2; highest++) {
        struct fixture fixture;
        start_registered(&fixture);
        fixture.random.next = highest ? next_highest : next_lowest;
        begin(&fixture);
        assert_false(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms));
        assert_int_equal(fixture.manager.not_before_ms - fixture.now_ms, highest ? 500 : 0);
        fixture.now_ms = fixture.manager.not_before_ms;
        log_in(&fixture, "one", HOUR_MS);
        assert_int_equal(fixture.manager.renew_ms, fixture.now_ms + HOUR_MS * 3 / 4 + (highest ? 500 : -500));
        token_manager_clear(&fixture.manager);
    }
}

static void a_token_is_renewed_a_millisecond_later_at_the_soonest(void **state)
{
    (void)state;
    struct fixture fixture;
    struct token_policy policy = wallet_policy;
    policy.safety_ratio = 0;
    start(&fixture, &policy);
    fixture.random.next = next_lowest;
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    log_in(&fixture, "x", HOUR_MS);
    assert_int_equal(fixture.manager.renew_ms, START_MS + 1);
    assert_token(&fixture, "x");
    token_manager_clear(&fixture.manager);
}

static void a_rejection_gives_all_tries_back(void **state)
{
    (void)state;
    struct fixture fixture;
    start_registered(&fixture);
    begin(&fixture);
    assert_false(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms));
    fixture.now_ms = fixture.manager.not_before_ms;
    begin(&fixture);
    token_manager_on_rejection(&fixture.manager);
    token_manager_on_registered(&fixture.manager, fixture.now_ms);
    for (int try = 0; try <= 3; try++) {
        begin(&fixture);
        assert_int_equal(token_manager_on_failure(&fixture.manager, -1, fixture.now_ms), try == 3);
        fixture.now_ms = fixture.manager.not_before_ms;
    }
}

/* token_answer.h bounds a life by ten years. */
static void sums_hold_with_the_longest_life(void **state)
{
    (void)state;
    const int64_t life_ms = INT64_C(10) * 366 * 24 * HOUR_MS;
    struct fixture fixture;
    start_registered(&fixture);
    log_in(&fixture, "far", life_ms);
    assert_in_range(next(&fixture).at_ms, START_MS + 1, START_MS + life_ms);
    token_manager_clear(&fixture.manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_login_before_the_registration),
        cmocka_unit_test(the_callback_flow_logs_in_when_the_callback_is_stored),
        cmocka_unit_test(without_a_callback_it_warns_once_and_logs_in_after_thirty_seconds),
        cmocka_unit_test(renews_at_the_ratio_within_the_jitter),
        cmocka_unit_test(never_renews_after_the_expiry_nor_before_the_next_millisecond),
        cmocka_unit_test(a_renewal_leaves_the_old_token_in_use),
        cmocka_unit_test(background_renewals_are_a_second_apart),
        cmocka_unit_test(gives_nobody_an_expired_token),
        cmocka_unit_test(a_token_of_the_shortest_life_is_given_for_most_of_it),
        cmocka_unit_test(one_login_at_a_time),
        cmocka_unit_test(tries_a_failed_login_again_then_backs_off),
        cmocka_unit_test(a_success_ends_the_backoff),
        cmocka_unit_test(a_refused_token_is_dropped_by_its_number_alone),
        cmocka_unit_test(a_rejected_login_waits_for_the_next_registration),
        cmocka_unit_test(rounds_of_tries_back_off_for_a_second_up_to_a_minute),
        cmocka_unit_test(a_server_may_ask_for_a_longer_wait_up_to_a_minute),
        cmocka_unit_test(jitter_goes_from_its_one_end_to_the_other),
        cmocka_unit_test(a_token_is_renewed_a_millisecond_later_at_the_soonest),
        cmocka_unit_test(a_rejection_gives_all_tries_back),
        cmocka_unit_test(sums_hold_with_the_longest_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
