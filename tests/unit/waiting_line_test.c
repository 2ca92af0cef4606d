/* libcommon/service/waiting_line.h */
#include "libcommon/service/waiting_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SETTLE = WAITING_LINE_SETTLE_MS, REPEAT = WAITING_LINE_REPEAT_MS };

static void assert_step(struct waiting_line *line, const char *reason, int64_t now_ms,
                        enum waiting_line_due due, int64_t look_ms)
{
    struct waiting_line_step step = waiting_line_next(line, reason, now_ms);
    assert_int_equal(step.due, due);
    assert_int_equal(step.look_ms, look_ms);
}

static void an_ordinary_start_tells_that_it_is_ready_and_nothing_else(void **state)
{
    (void)state;
    struct waiting_line line;
    waiting_line_init(&line, 1000);
    assert_step(&line, "a host", 1000, WAITING_LINE_NOTHING, 1000 + SETTLE);
    assert_step(&line, "a poll", 1000 + SETTLE - 1, WAITING_LINE_NOTHING, 1000 + SETTLE);
    assert_step(&line, NULL, 1000 + SETTLE - 1, WAITING_LINE_OVER, INT64_MAX);
    assert_step(&line, NULL, 1000 + SETTLE, WAITING_LINE_NOTHING, INT64_MAX);
}

static void what_lasts_is_told_and_again_each_minute(void **state)
{
    (void)state;
    struct waiting_line line;
    waiting_line_init(&line, 0);
    assert_step(&line, "a host", SETTLE, WAITING_LINE_REASON, SETTLE + REPEAT);
    assert_step(&line, "a host", SETTLE + REPEAT - 1, WAITING_LINE_NOTHING, SETTLE + REPEAT);
    assert_step(&line, "a host", SETTLE + REPEAT, WAITING_LINE_REASON, SETTLE + 2 * REPEAT);
    assert_step(&line, NULL, SETTLE + REPEAT + 1, WAITING_LINE_OVER, INT64_MAX);
}

static void another_reason_is_told_at_once(void **state)
{
    (void)state;
    struct waiting_line line;
    waiting_line_init(&line, 0);
    assert_step(&line, "a host", SETTLE, WAITING_LINE_REASON, SETTLE + REPEAT);
    assert_step(&line, "a poll", SETTLE + 1, WAITING_LINE_REASON, SETTLE + 1 + REPEAT);
    assert_step(&line, "a host", SETTLE + 2, WAITING_LINE_REASON, SETTLE + 2 + REPEAT);
    assert_step(&line, "a hostess", SETTLE + 3, WAITING_LINE_REASON, SETTLE + 3 + REPEAT);
}

static void other_details_of_the_same_reason_wait_for_the_minute(void **state)
{
    (void)state;
    struct waiting_line line;
    waiting_line_init(&line, 0);
    assert_step(&line, "disk: 7 left", SETTLE, WAITING_LINE_REASON, SETTLE + REPEAT);
    assert_step(&line, "disk: 6 left", SETTLE + 1, WAITING_LINE_NOTHING, SETTLE + REPEAT);
    assert_step(&line, "disk", SETTLE + 2, WAITING_LINE_NOTHING, SETTLE + REPEAT);
    assert_step(&line, "disk: 5 left", SETTLE + REPEAT, WAITING_LINE_REASON, SETTLE + 2 * REPEAT);
}

static void a_later_wait_that_is_short_is_not_told_nor_its_end(void **state)
{
    (void)state;
    struct waiting_line line;
    waiting_line_init(&line, 0);
    assert_step(&line, NULL, 1, WAITING_LINE_OVER, INT64_MAX);
    assert_step(&line, "a poll", 100, WAITING_LINE_NOTHING, 100 + SETTLE);
    assert_step(&line, NULL, 99 + SETTLE, WAITING_LINE_NOTHING, INT64_MAX);
    assert_step(&line, "a poll", 10000, WAITING_LINE_NOTHING, 10000 + SETTLE);
    assert_step(&line, "a poll", 10000 + SETTLE, WAITING_LINE_REASON, 10000 + SETTLE + REPEAT);
    assert_step(&line, NULL, 20000, WAITING_LINE_OVER, INT64_MAX);
}

static void reasons_longer_than_what_is_kept_still_repeat_by_the_minute(void **state)
{
    (void)state;
    struct waiting_line line;
    char reason[3 * WAITING_LINE_KIND_BYTES];
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = '\0';
    waiting_line_init(&line, 0);
    assert_step(&line, reason, SETTLE, WAITING_LINE_REASON, SETTLE + REPEAT);
    assert_step(&line, reason, SETTLE + 1, WAITING_LINE_NOTHING, SETTLE + REPEAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_start_tells_that_it_is_ready_and_nothing_else),
        cmocka_unit_test(what_lasts_is_told_and_again_each_minute),
        cmocka_unit_test(another_reason_is_told_at_once),
        cmocka_unit_test(other_details_of_the_same_reason_wait_for_the_minute),
        cmocka_unit_test(a_later_wait_that_is_short_is_not_told_nor_its_end),
        cmocka_unit_test(reasons_longer_than_what_is_kept_still_repeat_by_the_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
