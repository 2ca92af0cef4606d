#include "services/stored/domain/domain_retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct domain_retry begin(int64_t now_ms)
{
    struct domain_retry retry;
    domain_retry_start(&retry, false, now_ms);
    return retry;
}

static void tries_eight_times_at_most(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    struct domain_retry retry = begin(0);
    int64_t now_ms = 0;
    for (int attempt = 1; attempt < 8; attempt++) {
        struct domain_retry_step step = domain_retry_after_failure(&retry, now_ms, -1, 0, &random);
        assert_int_equal(step.action, DOMAIN_RETRY_LATER);
        now_ms += step.wait_ms;
    }
    assert_int_equal(domain_retry_after_failure(&retry, now_ms, -1, 0, &random).action, DOMAIN_RETRY_GIVE_UP);
}

static void tries_for_five_minutes_at_most(void **state)
{
    (void)state;
    struct random random = random_seeded(2);
    struct domain_retry retry = begin(0);
    struct domain_retry_step step = domain_retry_after_failure(&retry, 299000, 2000, 0, &random);
    assert_int_equal(step.action, DOMAIN_RETRY_GIVE_UP);
}

static void waits_as_long_as_the_server_says(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    struct domain_retry retry = begin(0);
    assert_true(domain_retry_after_failure(&retry, 0, 7000, 0, &random).wait_ms >= 7000);
}

static void does_not_try_again_past_the_lease(void **state)
{
    (void)state;
    struct random random = random_seeded(4);
    struct domain_retry retry = begin(1000);
    struct domain_retry_step step = domain_retry_after_failure(&retry, 1000, 5000, 5999, &random);
    assert_int_equal(step.action, DOMAIN_RETRY_LATER);
    assert_int_equal(step.wait_ms, 4999);
    assert_int_equal(domain_retry_after_wait(&retry, 5999, 5999).action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(domain_retry_after_failure(&retry, 6000, -1, 6000, &random).action,
                     DOMAIN_RETRY_GIVE_UP);
}

static void a_wait_goes_on_when_the_lease_was_renewed(void **state)
{
    (void)state;
    struct random random = random_seeded(4);
    struct domain_retry retry = begin(1000);
    assert_int_equal(domain_retry_after_failure(&retry, 1000, 50000, 6000, &random).wait_ms, 5000);
    struct domain_retry_step step = domain_retry_after_wait(&retry, 6000, 20000);
    assert_int_equal(step.action, DOMAIN_RETRY_LATER);
    assert_int_equal(step.wait_ms, 14000);
    step = domain_retry_after_wait(&retry, 20000, 90000);
    assert_int_equal(step.wait_ms, 31000);
    assert_int_equal(domain_retry_after_wait(&retry, 51000, 90000).action, DOMAIN_RETRY_NOW);
    assert_int_equal(domain_retry_after_wait(&retry, 51000, 0).action, DOMAIN_RETRY_NOW);
}

static void waits_for_another_token_for_thirty_seconds(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 1000, 0, 0, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 30000);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 2000, 1, -1).action, DOMAIN_RETRY_NOW);
}

static void waits_for_a_token_no_longer_than_the_lease_lasts(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 0, 0, 5000).wait_ms, 4000);
    retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 5000, 0, 0, 5000).action, DOMAIN_RETRY_GIVE_UP);
}

static void uses_a_token_that_came_meanwhile_at_once(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 3, 4, 0).action, DOMAIN_RETRY_NOW);
}

static void a_heartbeat_since_the_refusal_without_another_token_is_the_end(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    domain_retry_after_refusal(&retry, 1000, 5, 5, 0);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 1500, 5, 1000).action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 1500, 6, 1000).action, DOMAIN_RETRY_NOW);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 1500, 5, 999).action, DOMAIN_RETRY_NOW);
}

static void tries_the_same_token_twice_but_not_a_third_time(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    domain_retry_after_refusal(&retry, 0, 5, 5, 0);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 10000, 5, -1).action, DOMAIN_RETRY_NOW);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 10000, 5, 5, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 20000);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 11000, 5, -1).action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 30000, 5, -1).action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(domain_retry_on_heartbeat(&retry, 12000, 6, -1).action, DOMAIN_RETRY_NOW);
}

static void gives_up_when_token_after_token_is_refused(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    for (int64_t token = 1; token < DOMAIN_RETRY_REFUSALS_MAX; token++)
        assert_int_equal(domain_retry_after_refusal(&retry, 0, token, token + 1, 0).action, DOMAIN_RETRY_NOW);
    assert_int_equal(domain_retry_after_refusal(&retry, 0, 8, 9, 0).action, DOMAIN_RETRY_GIVE_UP);
}

static void tries_three_times_when_it_only_tidies_up(void **state)
{
    (void)state;
    struct random random = random_seeded(5);
    struct domain_retry retry;
    domain_retry_start(&retry, true, 0);
    assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &random).action, DOMAIN_RETRY_LATER);
    assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &random).action, DOMAIN_RETRY_LATER);
    assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &random).action, DOMAIN_RETRY_GIVE_UP);
}

/* A generator that always gives the largest fraction: waits are then at their ceiling. */
static uint64_t next_highest(struct random *random)
{
    (void)random;
    return UINT64_MAX;
}

/* docs/network.md, "Retries": exponential; the sum of the longest waits is well within the five minutes. */
static void waits_double_from_half_a_second_and_half_a_minute_is_the_longest(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 30000};
    static const int64_t tidying_waits_ms[] = {200, 400};
    struct random highest = {.next = next_highest};
    struct domain_retry retry = begin(0);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++)
        assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &highest).wait_ms, waits_ms[i]);
    assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &highest).wait_ms, 0);
    domain_retry_start(&retry, true, 0);
    for (size_t i = 0; i < sizeof tidying_waits_ms / sizeof tidying_waits_ms[0]; i++)
        assert_int_equal(domain_retry_after_failure(&retry, 0, -1, 0, &highest).wait_ms, tidying_waits_ms[i]);
}

static void the_last_try_begins_within_five_minutes_or_ten_seconds_of_tidying_up(void **state)
{
    (void)state;
    struct random random = random_seeded(6);
    for (int64_t late_ms = 0; late_ms <= 1; late_ms++) {
        enum domain_retry_action expected = late_ms ? DOMAIN_RETRY_GIVE_UP : DOMAIN_RETRY_LATER;
        struct domain_retry retry = begin(1000);
        assert_int_equal(domain_retry_after_failure(&retry, 1000, 300000 + late_ms, 0, &random).action,
                         expected);
        domain_retry_start(&retry, true, 1000);
        assert_int_equal(domain_retry_after_failure(&retry, 1000, 10000 + late_ms, 0, &random).action,
                         expected);
    }
}

static void each_new_token_that_is_refused_has_its_own_thirty_seconds(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 1, 1, 0).wait_ms, 30000);
    /* One that came meanwhile is tried, and refused as well. */
    assert_int_equal(domain_retry_on_heartbeat(&retry, 21000, 2, -1).action, DOMAIN_RETRY_NOW);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 21000, 2, 2, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 30000);
    /* It is said again once, and tried once more. */
    assert_int_equal(domain_retry_on_heartbeat(&retry, 22000, 2, -1).action, DOMAIN_RETRY_NOW);
    step = domain_retry_after_refusal(&retry, 22000, 2, 2, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 29000);
    step = domain_retry_on_heartbeat(&retry, 50999, 2, -1);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 1);
    step = domain_retry_on_heartbeat(&retry, 51000, 2, -1);
    assert_int_equal(step.action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(step.wait_ms, 0);
}

static void a_lease_that_outlasts_the_wait_does_not_prolong_it(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 1, 1, 31000).wait_ms, 30000);
    retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 1, 1, 30999).wait_ms, 29999);
    retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 1, 1, 900000).wait_ms, 30000);
    /* A token that came while the first was refused begins no wait; its own refusal does. */
    retry = begin(0);
    assert_int_equal(domain_retry_after_refusal(&retry, 1000, 1, 2, 0).action, DOMAIN_RETRY_NOW);
    assert_int_equal(domain_retry_after_refusal(&retry, 9000, 1, 1, 0).wait_ms, 30000);
}

static void gives_up_at_the_eighth_refusal(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    for (int64_t token = 1; token < 8; token++)
        assert_int_equal(domain_retry_after_refusal(&retry, 0, token, token + 1, 0).action, DOMAIN_RETRY_NOW);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 0, 8, 9, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(step.wait_ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_eight_times_at_most),
        cmocka_unit_test(tries_for_five_minutes_at_most),
        cmocka_unit_test(waits_as_long_as_the_server_says),
        cmocka_unit_test(does_not_try_again_past_the_lease),
        cmocka_unit_test(waits_for_another_token_for_thirty_seconds),
        cmocka_unit_test(waits_for_a_token_no_longer_than_the_lease_lasts),
        cmocka_unit_test(uses_a_token_that_came_meanwhile_at_once),
        cmocka_unit_test(a_wait_goes_on_when_the_lease_was_renewed),
        cmocka_unit_test(a_heartbeat_since_the_refusal_without_another_token_is_the_end),
        cmocka_unit_test(tries_the_same_token_twice_but_not_a_third_time),
        cmocka_unit_test(gives_up_when_token_after_token_is_refused),
        cmocka_unit_test(tries_three_times_when_it_only_tidies_up),
        cmocka_unit_test(waits_double_from_half_a_second_and_half_a_minute_is_the_longest),
        cmocka_unit_test(the_last_try_begins_within_five_minutes_or_ten_seconds_of_tidying_up),
        cmocka_unit_test(each_new_token_that_is_refused_has_its_own_thirty_seconds),
        cmocka_unit_test(a_lease_that_outlasts_the_wait_does_not_prolong_it),
        cmocka_unit_test(gives_up_at_the_eighth_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
