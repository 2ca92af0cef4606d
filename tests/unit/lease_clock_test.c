/* services/leased/dms/lease_clock.h: when a lease ends, on our own clock. */
#include "services/leased/dms/lease_clock.h"

#include "libcommon/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_lease_ends_by_the_servers_clock_and_not_by_ours(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    assert_int_equal(lease_clock_left_ms(&clock, 5000), -1);
    assert_false(lease_clock_ran_out(&clock, INT64_MAX));
    /* The server's clock is hours away from ours; only the difference counts. */
    lease_clock_set(&clock, 7200000 + 60000, 7200000, 5000);
    assert_int_equal(lease_clock_left_ms(&clock, 5000), 60000);
    assert_false(lease_clock_ran_out(&clock, 5000 + 53999));
    assert_true(lease_clock_ran_out(&clock, 5000 + 54000));
}

static void an_expiry_in_the_past_does_not_end_a_lease_that_still_has_time(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 900, 1000, 5000);
    assert_int_equal(lease_clock_left_ms(&clock, 5000), 0);
    assert_false(lease_clock_ran_out(&clock, 100000));
    lease_clock_set(&clock, 61000, 1000, 5000);
    lease_clock_set(&clock, 900, 1000, 6000);
    assert_false(lease_clock_ran_out(&clock, 6000));
    assert_true(lease_clock_ran_out(&clock, 65000));
}

static void what_is_more_than_ten_years_away_counts_as_ten(void **state)
{
    (void)state;
    const int64_t ten_years_ms = INT64_C(316224000000);
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 7000 + ten_years_ms - 1, 7000, 5000);
    assert_int_equal(clock.ends_boot_ms, 5000 + ten_years_ms - 1);
    lease_clock_set(&clock, 7000 + ten_years_ms + 1, 7000, 5000);
    assert_int_equal(clock.ends_boot_ms, 5000 + ten_years_ms);
    lease_clock_set(&clock, 7000 - ten_years_ms + 1, 7000, 5000);
    assert_int_equal(clock.ends_boot_ms, 5000 - ten_years_ms + 1);
    lease_clock_set(&clock, 7000 - ten_years_ms - 1, 7000, 5000);
    assert_int_equal(clock.ends_boot_ms, 5000 - ten_years_ms);
}

static void a_date_cut_to_the_second_never_lengthens_a_lease(void **state)
{
    (void)state;
    assert_int_equal(clock_server_unix_ms(-1, 7654321), 7654321);
    /* The clocks agree: ours knows the part of the second that Date lacks. */
    assert_int_equal(clock_server_unix_ms(5000, 5400), 5400);
    assert_int_equal(clock_server_unix_ms(5000, 5000), 5000);
    assert_int_equal(clock_server_unix_ms(5000, 5999), 5999);
    assert_int_equal(clock_server_unix_ms(0, 5000), 999);
    /* They do not: the lease might be older by all of that second. */
    assert_int_equal(clock_server_unix_ms(5000, 4999), 5999);
    assert_int_equal(clock_server_unix_ms(5000, 99000), 5999);
}

static void a_lease_given_without_any_time_is_not_fenced(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 1000, 1000, 5000);
    assert_int_equal(lease_clock_left_ms(&clock, 5000), 0);
    assert_false(lease_clock_ran_out(&clock, 5000));
    assert_false(lease_clock_ran_out(&clock, INT64_MAX));
}

/* A job that ignores SIGTERM lives for its grace of 5 s, and is gone before DMS may give the task away. */
static void the_fence_closes_a_third_before_the_end_and_at_most_the_grace_and_1_s(void **state)
{
    (void)state;
    static const struct {
        int64_t left_ms;
        int64_t margin_ms;
    } leases[] = {{1, 0}, {10, 3}, {1000, 333}, {6000, 2000}, {17997, 5999}, {18000, 6000}, {3600000, 6000}};
    for (size_t i = 0; i < sizeof leases / sizeof leases[0]; i++) {
        struct lease_clock clock = {0};
        lease_clock_set(&clock, 1000 + leases[i].left_ms, 1000, 5000);
        int64_t fence_ms = 5000 + leases[i].left_ms - leases[i].margin_ms;
        assert_false(lease_clock_ran_out(&clock, fence_ms - 1));
        assert_true(lease_clock_ran_out(&clock, fence_ms));
    }
}

static void a_job_s_grace_ends_1_s_before_the_lease(void **state)
{
    (void)state;
    static const struct {
        int64_t left_ms;
        int64_t late_ms;
        int64_t grace_ms;
    } leases[] = {{1, 0, 1},          {3000, 0, 1},        {3003, 0, 1},         {3006, 0, 2},
                  {6000, 0, 1000},    {6000, 400, 600},    {6000, 5000, 1},      {18000, 0, 5000},
                  {3600000, 0, 5000}, {18000, 1000, 4000}, {18000, -3000, 5000}, {6000, -3000, 1000}};
    for (size_t i = 0; i < sizeof leases / sizeof leases[0]; i++) {
        struct lease_clock clock = {0};
        assert_int_equal(lease_clock_grace_ms(&clock, 5000), 5000);
        lease_clock_set(&clock, 1000 + leases[i].left_ms, 1000, 5000);
        assert_int_equal(lease_clock_grace_ms(&clock, clock.fence_boot_ms + leases[i].late_ms),
                         leases[i].grace_ms);
    }
}

static void time_passes_from_when_the_request_was_sent(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 61000, 1000, 5000);
    assert_int_equal(lease_clock_left_ms(&clock, 5001), 59999);
    assert_int_equal(lease_clock_left_ms(&clock, 64999), 1);
    assert_int_equal(lease_clock_left_ms(&clock, 65000), 0);
    assert_int_equal(lease_clock_left_ms(&clock, 90000), 0);
}

static void the_latest_answer_moves_the_end(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 61000, 1000, 5000);
    lease_clock_set(&clock, 91000, 31000, 35000);
    assert_int_equal(lease_clock_left_ms(&clock, 35000), 60000);
    assert_false(lease_clock_ran_out(&clock, 88999));
    assert_true(lease_clock_ran_out(&clock, 89000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_ends_by_the_servers_clock_and_not_by_ours),
        cmocka_unit_test(an_expiry_in_the_past_does_not_end_a_lease_that_still_has_time),
        cmocka_unit_test(what_is_more_than_ten_years_away_counts_as_ten),
        cmocka_unit_test(a_date_cut_to_the_second_never_lengthens_a_lease),
        cmocka_unit_test(a_lease_given_without_any_time_is_not_fenced),
        cmocka_unit_test(the_fence_closes_a_third_before_the_end_and_at_most_the_grace_and_1_s),
        cmocka_unit_test(a_job_s_grace_ends_1_s_before_the_lease),
        cmocka_unit_test(time_passes_from_when_the_request_was_sent),
        cmocka_unit_test(the_latest_answer_moves_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
