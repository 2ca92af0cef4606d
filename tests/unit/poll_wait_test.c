/* services/leased/poll_wait.h: docs/network.md 3.1. */
#include "services/leased/poll_wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DRAWS = 2000 };

struct span {
    int64_t least_ms, most_ms;
};

static void note(struct span *span, int64_t wait_ms)
{
    span->least_ms = wait_ms < span->least_ms ? wait_ms : span->least_ms;
    span->most_ms = wait_ms > span->most_ms ? wait_ms : span->most_ms;
}

static struct span idle_span(int64_t min_ms, int64_t max_ms)
{
    struct random random = random_seeded(5);
    struct poll_wait wait;
    struct span span = {INT64_MAX, 0};
    poll_wait_init(&wait, min_ms, max_ms, &random);
    for (int i = 0; i < DRAWS; i++)
        note(&span, poll_wait_idle_ms(&wait));
    return span;
}

/* Of the wait after so many errors in a row. */
static struct span error_span(int64_t min_ms, int64_t max_ms, int errors)
{
    struct random random = random_seeded(5);
    struct poll_wait wait;
    struct span span = {INT64_MAX, 0};
    poll_wait_init(&wait, min_ms, max_ms, &random);
    for (int i = 0; i < DRAWS; i++) {
        poll_wait_answered(&wait);
        for (int n = 1; n < errors; n++)
            poll_wait_error_ms(&wait, 0, -1);
        note(&span, poll_wait_error_ms(&wait, 0, -1));
    }
    return span;
}

/* Many draws come near both ends. */
static void assert_span(struct span span, int64_t least_ms, int64_t most_ms)
{
    int64_t slack_ms = (most_ms - least_ms) / 50;
    assert_in_range(span.least_ms, least_ms, least_ms + slack_ms);
    assert_in_range(span.most_ms, most_ms - slack_ms, most_ms);
}

static void idle_waits_lie_between_min_and_twice_min_or_max(void **state)
{
    (void)state;
    assert_span(idle_span(1000, 30000), 1000, 2000);
    assert_span(idle_span(1000, 1500), 1000, 1500);
    assert_span(idle_span(3000, 3000), 3000, 3000);
}

static void no_wait_is_below_a_tenth_of_a_second(void **state)
{
    (void)state;
    assert_span(idle_span(0, 0), 100, 100);
    assert_span(idle_span(0, 30000), 100, 100);
    assert_span(idle_span(80, 30000), 100, 160);
    assert_span(error_span(0, 0, 3), 100, 100);
}

static void waits_after_errors_double_up_to_max(void **state)
{
    (void)state;
    assert_span(error_span(1000, 30000, 1), 1000, 3000);
    assert_span(error_span(1000, 30000, 2), 1000, 5000);
    assert_span(error_span(1000, 30000, 4), 1000, 17000);
    assert_span(error_span(1000, 30000, 5), 1000, 31000);
    assert_span(error_span(1000, 30000, 40), 1000, 31000);
}

static void a_min_of_nothing_still_backs_off(void **state)
{
    (void)state;
    assert_in_range(error_span(0, 30000, 12).most_ms, 20000, 30000);
}

static void a_retry_after_is_kept_to(void **state)
{
    (void)state;
    struct random random = random_seeded(5);
    struct poll_wait wait;
    poll_wait_init(&wait, 1000, 2000, &random);
    assert_int_equal(poll_wait_error_ms(&wait, 0, 60000), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_waits_lie_between_min_and_twice_min_or_max),
        cmocka_unit_test(no_wait_is_below_a_tenth_of_a_second),
        cmocka_unit_test(waits_after_errors_double_up_to_max),
        cmocka_unit_test(a_min_of_nothing_still_backs_off),
        cmocka_unit_test(a_retry_after_is_kept_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
