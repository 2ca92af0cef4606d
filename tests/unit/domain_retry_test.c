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
    assert_int_equal(domain_retry_after_failure(&retry, 1000, 5000, 6000, &random).action,
                     DOMAIN_RETRY_GIVE_UP);
}

static void waits_for_another_token_for_thirty_seconds(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 1000, 0, 0, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 30000);
    assert_int_equal(domain_retry_on_token(&retry, 2000, 1).action, DOMAIN_RETRY_NOW);
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

static void tries_the_same_token_twice_but_not_a_third_time(void **state)
{
    (void)state;
    struct domain_retry retry = begin(0);
    domain_retry_after_refusal(&retry, 0, 5, 5, 0);
    assert_int_equal(domain_retry_on_token(&retry, 10000, 5).action, DOMAIN_RETRY_NOW);
    struct domain_retry_step step = domain_retry_after_refusal(&retry, 10000, 5, 5, 0);
    assert_int_equal(step.action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(step.wait_ms, 20000);
    assert_int_equal(domain_retry_on_token(&retry, 11000, 5).action, DOMAIN_RETRY_AWAIT_TOKEN);
    assert_int_equal(domain_retry_on_token(&retry, 30000, 5).action, DOMAIN_RETRY_GIVE_UP);
    assert_int_equal(domain_retry_on_token(&retry, 12000, 6).action, DOMAIN_RETRY_NOW);
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
        cmocka_unit_test(tries_the_same_token_twice_but_not_a_third_time),
        cmocka_unit_test(gives_up_when_token_after_token_is_refused),
        cmocka_unit_test(tries_three_times_when_it_only_tidies_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
