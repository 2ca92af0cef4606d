#include "services/runnerd/work/output_budget.h"

#include "libcommon/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct output_budget budget;

static int set_up(void **state)
{
    (void)state;
    output_budget_init(&budget, 1000);
    return 0;
}

/* How many lines of so many bytes pass at that time, one after the other. */
static int passing(size_t length, int64_t now_ms)
{
    int count = 0;
    while (output_budget_pass(&budget, length, now_ms))
        count++;
    return count;
}

static void a_line_of_a_megabyte_passes_at_once(void **state)
{
    (void)state;
    for (size_t left = 1048576; left; left -= LIMIT_OUTPUT_LINE_BYTES)
        assert_true(output_budget_pass(&budget, LIMIT_OUTPUT_LINE_BYTES, 1000));
    assert_true(output_budget_pass(&budget, 100, 1000));
    assert_int_equal(budget.lost_lines, 0);
}

static void short_lines_cost_what_they_take_in_the_log(void **state)
{
    (void)state;
    assert_int_equal(passing(1, 1000), 1280 * 1024 / 257);
    assert_int_equal(budget.lost_lines, 1);
    assert_int_equal(budget.lost_bytes, 1);
}

static void then_32_kib_pass_each_second(void **state)
{
    (void)state;
    passing(768, 1000);
    assert_int_equal(passing(768, 2000), 32);
    assert_int_equal(passing(768, 1500), 0);
    assert_int_equal(passing(768, 2031), 0);
    assert_int_equal(passing(768, 2032), 1);
    /* A quiet hour saves up no more than there was at first. */
    assert_int_equal(passing(768, 3600000), 1280);
    assert_int_equal(passing(768, INT64_MAX), 1280);
}

static void a_flood_is_all_counted(void **state)
{
    (void)state;
    int passed = 0;
    for (int i = 0; i < 4000000; i++)
        passed += output_budget_pass(&budget, 97, 1000 + i / 800);
    /* 388 MB in 5 s, as one job wrote: what is logged is the burst and five seconds' share. */
    assert_int_equal(passed, (1280 + 5 * 32) * 1024 / (97 + 256));
    assert_int_equal(budget.lost_lines, 4000000 - passed);
    assert_int_equal(budget.lost_bytes, 97 * (4000000 - passed));
}

static void behind_a_piece_that_is_lost_so_is_the_rest_of_its_line(void **state)
{
    (void)state;
    bool cut = false;
    bool other = false;
    assert_true(output_budget_pass_piece(&budget, &cut, 1, 1000, 1000));
    assert_true(output_budget_pass_piece(&budget, &cut, 2, 1000, 1000));
    passing(1, 1000);
    assert_false(output_budget_pass_piece(&budget, &cut, 3, 1000, 1000));
    assert_int_equal(budget.lost_bytes, 1 + 1000);
    /* There is room again. */
    assert_false(output_budget_pass_piece(&budget, &cut, 4, 500, 60000));
    assert_true(output_budget_pass_piece(&budget, &other, 1, 10, 60000));
    assert_false(output_budget_pass_piece(&budget, &cut, 5, 10, 60000));
    assert_int_equal(budget.lost_lines, 4);
    assert_int_equal(budget.lost_bytes, 1 + 1000 + 500 + 10);
    assert_true(output_budget_pass_piece(&budget, &cut, 1, 10, 60000));
    assert_true(output_budget_pass_piece(&budget, &cut, 2, 10, 60000));
    cut = true;
    assert_true(output_budget_pass_piece(&budget, &cut, 0, 10, 60000));
    assert_false(cut);
}

static void a_loss_is_told_at_once_then_once_a_minute_and_at_the_end(void **state)
{
    (void)state;
    assert_false(output_budget_tell(&budget, false, 1000));
    assert_false(output_budget_tell(&budget, true, 1000));
    passing(1000, 5000);
    assert_true(output_budget_tell(&budget, false, 5000));
    assert_false(output_budget_tell(&budget, false, 5000));
    passing(1000, 6000);
    assert_false(output_budget_tell(&budget, false, 64999));
    assert_true(output_budget_tell(&budget, false, 65000));
    assert_false(output_budget_tell(&budget, true, 65000));
    /* Nothing more was lost meanwhile. */
    assert_false(output_budget_tell(&budget, false, 200000));
    passing(1000, 200000);
    assert_true(output_budget_tell(&budget, false, 200000));
    passing(1000, 200001);
    assert_false(output_budget_tell(&budget, false, 200001));
    assert_true(output_budget_tell(&budget, true, 200001));
    assert_int_equal(budget.lost_lines, 4);
    assert_int_equal(budget.lost_bytes, 4000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_of_a_megabyte_passes_at_once, set_up),
        cmocka_unit_test_setup(short_lines_cost_what_they_take_in_the_log, set_up),
        cmocka_unit_test_setup(then_32_kib_pass_each_second, set_up),
        cmocka_unit_test_setup(a_flood_is_all_counted, set_up),
        cmocka_unit_test_setup(behind_a_piece_that_is_lost_so_is_the_rest_of_its_line, set_up),
        cmocka_unit_test_setup(a_loss_is_told_at_once_then_once_a_minute_and_at_the_end, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
