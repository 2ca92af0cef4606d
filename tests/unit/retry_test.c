/* libcommon/base/retry.h: waits, attempts, deadlines and what is worth another try. */
#include "libcommon/base/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROUNDS = 2000 };

static const struct retry_policy unbounded = {.base_ms = 100, .cap_ms = 1000};

/* A generator that always gives the largest fraction: waits are then at their ceiling. */
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

static struct random highest = {.next = next_highest};
static struct random lowest = {.next = next_lowest};

static void doubles_the_ceiling_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t ceilings_ms[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct retry retry;
    retry_start(&retry, &unbounded, 0);
    for (size_t i = 0; i < sizeof(ceilings_ms) / sizeof(ceilings_ms[0]); i++)
        assert_int_equal(retry_next_ms(&retry, 0, -1, &highest), ceilings_ms[i]);
    assert_int_equal(retry.attempts, 7);
}

static void draws_the_wait_from_zero_to_the_ceiling(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    int64_t shortest_ms = INT64_MAX;
    int64_t longest_ms = 0;
    int64_t sum_ms = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct retry retry;
        retry_start(&retry, &unbounded, 0);
        int64_t wait_ms = retry_next_ms(&retry, 0, -1, &random);
        assert_in_range(wait_ms, 0, 100);
        shortest_ms = wait_ms < shortest_ms ? wait_ms : shortest_ms;
        longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
        sum_ms += wait_ms;
    }
    assert_in_range(shortest_ms, 0, 2);
    assert_in_range(longest_ms, 98, 100);
    assert_in_range(sum_ms / ROUNDS, 45, 55);
}

static void stays_at_the_cap_for_ever(void **state)
{
    (void)state;
    struct retry retry;
    retry_start(&retry, &unbounded, 0);
    for (int i = 0; i < ROUNDS; i++)
        assert_in_range(retry_next_ms(&retry, 0, -1, &highest), 1, 1000);
    assert_int_equal(retry_next_ms(&retry, 0, -1, &highest), 1000);
}

static void caps_the_first_wait_too(void **state)
{
    (void)state;
    static const struct retry_policy policy = {.base_ms = 5000, .cap_ms = 300};
    struct retry retry;
    retry_start(&retry, &policy, 0);
    assert_int_equal(retry_next_ms(&retry, 0, -1, &highest), 300);
}

static void counts_the_first_try_among_the_attempts(void **state)
{
    (void)state;
    static const struct retry_policy policy = {.base_ms = 10, .cap_ms = 10, .attempts_max = 3};
    struct retry retry;
    retry_start(&retry, &policy, 0);
    assert_true(retry_next_ms(&retry, 0, -1, &lowest) >= 0);
    assert_true(retry_next_ms(&retry, 0, -1, &lowest) >= 0);
    assert_int_equal(retry_next_ms(&retry, 0, -1, &lowest), -1);
}

static void never_tries_again_when_one_attempt_is_all(void **state)
{
    (void)state;
    static const struct retry_policy policy = {.base_ms = 10, .cap_ms = 10, .attempts_max = 1};
    struct retry retry;
    retry_start(&retry, &policy, 0);
    assert_int_equal(retry_next_ms(&retry, 0, 0, &lowest), -1);
}

static void waits_as_long_as_the_server_asks(void **state)
{
    (void)state;
    struct retry retry;
    retry_start(&retry, &unbounded, 0);
    assert_int_equal(retry_next_ms(&retry, 0, 60000, &highest), 60000);
    assert_int_equal(retry_next_ms(&retry, 0, 0, &highest), 200);
    assert_int_equal(retry_next_ms(&retry, 0, 30, &lowest), 30);
}

static void starts_no_try_after_its_duration(void **state)
{
    (void)state;
    static const struct retry_policy policy = {.base_ms = 100, .cap_ms = 100, .duration_ms = 1000};
    struct retry retry;
    retry_start(&retry, &policy, 50000);
    assert_int_equal(retry_next_ms(&retry, 50900, -1, &highest), 100);
    assert_int_equal(retry_next_ms(&retry, 50901, -1, &highest), -1);
    assert_int_equal(retry_next_ms(&retry, 50000, 1001, &lowest), -1);
}

static void starts_over(void **state)
{
    (void)state;
    struct retry retry;
    retry_start(&retry, &unbounded, 0);
    for (int i = 0; i < 5; i++)
        (void)retry_next_ms(&retry, 0, -1, &highest);
    retry_start(&retry, &unbounded, 0);
    assert_int_equal(retry_next_ms(&retry, 0, -1, &highest), 100);
}

static void repeats_only_statuses_that_may_pass(void **state)
{
    (void)state;
    for (int status = 100; status < 700; status++) {
        bool transient = status == 408 || status == 425 || status == 429 || (status >= 500 && status < 600);
        assert_int_equal(retry_status_is_transient(status), transient);
    }
}

static void repeats_after_network_errors_timeouts_and_such_statuses(void **state)
{
    (void)state;
    for (int code = ERROR_NONE; code < ERROR_CODE_COUNT; code++) {
        struct error error = {.code = (enum error_code)code};
        assert_int_equal(retry_error_is_transient(&error), code == ERROR_NETWORK || code == ERROR_TIMEOUT);
    }
    struct error error;
    error_set_http_status(&error, 429, "poll");
    assert_true(retry_error_is_transient(&error));
    error_set_http_status(&error, 503, "poll");
    assert_true(retry_error_is_transient(&error));
    error_set_http_status(&error, 404, "poll");
    assert_false(retry_error_is_transient(&error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_the_ceiling_up_to_the_cap),
        cmocka_unit_test(draws_the_wait_from_zero_to_the_ceiling),
        cmocka_unit_test(stays_at_the_cap_for_ever),
        cmocka_unit_test(caps_the_first_wait_too),
        cmocka_unit_test(counts_the_first_try_among_the_attempts),
        cmocka_unit_test(never_tries_again_when_one_attempt_is_all),
        cmocka_unit_test(waits_as_long_as_the_server_asks),
        cmocka_unit_test(starts_no_try_after_its_duration),
        cmocka_unit_test(starts_over),
        cmocka_unit_test(repeats_only_statuses_that_may_pass),
        cmocka_unit_test(repeats_after_network_errors_timeouts_and_such_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
