#include "services/leased/task/heartbeat.h"

#include "services/leased/dms/lease_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct heartbeat_rules rules = {
    .jitter_ms = 250, .min_ratio = 0.25, .max_ratio = 0.35, .request_timeout_ms = 30000};

static struct lease_clock lease_of(int64_t left_ms, int64_t now_ms)
{
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 1000000 + left_ms, 1000000, now_ms);
    return clock;
}

/* --- when heartbeats go --- */

static void the_lease_s_time_makes_one_due_within_its_ratios(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    for (int i = 0; i < 1000; i++) {
        struct heartbeat heartbeat;
        struct lease_clock clock = lease_of(100000, 1000);
        heartbeat_init(&heartbeat, &rules);
        heartbeat_on_answered(&heartbeat, &clock, false, 1000, &random);
        assert_in_range(heartbeat_due_ms(&heartbeat), 26000, 36000);
    }
}

static void without_an_expiry_only_news_make_one_due(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    const struct lease_clock unknown = {0};
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_answered(&heartbeat, &unknown, false, 1000, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), HEARTBEAT_NEVER);
    heartbeat_on_change(&heartbeat, 2000, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 2125, 2250);
}

static void news_within_a_window_share_its_heartbeat(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_change(&heartbeat, 1000, &random);
    int64_t due_ms = heartbeat_due_ms(&heartbeat);
    heartbeat_on_change(&heartbeat, 1100, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), due_ms);
}

static void one_in_flight_is_the_only_one(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(60000, 1000);
    heartbeat_init(&heartbeat, &rules);
    assert_int_equal(heartbeat_on_sent(&heartbeat, &clock, 1000), 20000); /* a third of what is left */
    heartbeat_on_change(&heartbeat, 1100, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), HEARTBEAT_NEVER);
    heartbeat_on_answered(&heartbeat, &clock, true, 1200, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 1100, 1450);
}

static void a_lease_that_ends_now_is_heartbeated_once_a_second(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock ended = lease_of(-5, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &ended, 1000);
    heartbeat_on_answered(&heartbeat, &ended, false, 1010, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 2000);
}

static void a_refused_token_makes_one_due_at_once(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(60000, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &clock, 1000);
    heartbeat_on_answered(&heartbeat, &clock, false, 1010, &random);
    heartbeat_on_urgent(&heartbeat, 9000);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 9000);
}

static void a_failed_one_is_tried_again_with_growing_waits(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(600000, 0);
    int64_t now_ms = 1000;
    heartbeat_init(&heartbeat, &rules);
    for (int i = 0; i < 40; i++) {
        heartbeat_on_sent(&heartbeat, &clock, now_ms);
        heartbeat_on_failed(&heartbeat, &clock, i == 3 ? 20000 : -1, now_ms, &random);
        int64_t wait_ms = heartbeat_due_ms(&heartbeat) - now_ms;
        if (i == 3)
            assert_int_equal(wait_ms, 20000);
        else
            assert_in_range(wait_ms, 0, i < 5 ? 500 << i : 15000);
        now_ms += wait_ms;
    }
}

static void a_refused_token_does_not_wait_for_the_progress_before_it(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(60000, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &clock, 1000);
    heartbeat_on_answered(&heartbeat, &clock, false, 1010, &random);
    heartbeat_on_urgent(&heartbeat, 1020);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 1020);
    /* The same token refused again and again asks once a second. */
    heartbeat_on_sent(&heartbeat, &clock, 1020);
    heartbeat_on_answered(&heartbeat, &clock, false, 1030, &random);
    heartbeat_on_urgent(&heartbeat, 1040);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 2020);
    heartbeat_on_token(&heartbeat);
    assert_true(heartbeat_due_ms(&heartbeat) > 10000);
}

static void a_retry_after_is_kept_to_unless_it_would_cost_the_lease(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(60000, 0);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &clock, 0);
    heartbeat_on_failed(&heartbeat, &clock, 50000, 0, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 50000);
    heartbeat_on_urgent(&heartbeat, 100);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 50000);
    heartbeat_on_failed(&heartbeat, &clock, 3600000, 0, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 30000);
}

static void a_lease_that_seems_over_still_gets_time_for_an_answer(void **state)
{
    (void)state;
    struct heartbeat heartbeat;
    struct lease_clock ended = lease_of(-5, 1000);
    heartbeat_init(&heartbeat, &rules);
    assert_int_equal(heartbeat_on_sent(&heartbeat, &ended, 1000), 5000);
}

static void a_heartbeat_may_take_a_third_of_what_the_lease_has_left(void **state)
{
    (void)state;
    static const struct {
        int64_t left_ms;
        int64_t timeout_ms;
    } leases[] = {{89997, 29999}, {90000, 30000}, {3600000, 30000}, {600, 200},
                  {300, 100},     {30, 100},      {0, 5000}};
    struct heartbeat heartbeat;
    for (size_t i = 0; i < sizeof leases / sizeof leases[0]; i++) {
        struct lease_clock clock = lease_of(leases[i].left_ms, 1000);
        heartbeat_init(&heartbeat, &rules);
        assert_int_equal(heartbeat_on_sent(&heartbeat, &clock, 1000), leases[i].timeout_ms);
    }
    const struct lease_clock unknown = {0};
    heartbeat_init(&heartbeat, &rules);
    assert_int_equal(heartbeat_on_sent(&heartbeat, &unknown, 1000), 30000);
}

/* The last tenth of the lease is too late for a try, and so is what lies behind the fence. */
static void a_retry_after_is_kept_to_where_it_can_still_save_the_lease(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    static const struct {
        int64_t left_ms;
        int64_t retry_after_ms;
        int64_t wait_ms;
    } answers[] = {{60000, 53999, 53999}, {60000, 54000, 54000}, {60000, 54001, 30000},
                   {60000, 59000, 30000}, {60000, 60000, 30000}, {100000, 90001, 50000},
                   {6000, 4000, 4000},    {6000, 4001, 3000}};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct heartbeat heartbeat;
        struct lease_clock clock = lease_of(answers[i].left_ms, 1000);
        heartbeat_init(&heartbeat, &rules);
        heartbeat_on_sent(&heartbeat, &clock, 1000);
        heartbeat_on_failed(&heartbeat, &clock, answers[i].retry_after_ms, 1000, &random);
        assert_int_equal(heartbeat_due_ms(&heartbeat), 1000 + answers[i].wait_ms);
    }
}

static void a_lease_about_to_end_is_still_given_a_round_trip(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(120, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &clock, 1000);
    heartbeat_on_failed(&heartbeat, &clock, 5000, 1000, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 1100);
    /* Once it is over, or without an expiry, the server's word counts. */
    struct lease_clock ended = lease_of(-5, 1000);
    heartbeat_on_failed(&heartbeat, &ended, 5000, 1000, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 6000);
    const struct lease_clock unknown = {0};
    heartbeat_on_failed(&heartbeat, &unknown, 7000, 1000, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 8000);
}

static void an_answer_ends_the_backoff(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(600000, 0);
    heartbeat_init(&heartbeat, &rules);
    for (int i = 0; i < 10; i++) {
        heartbeat_on_sent(&heartbeat, &clock, 0);
        heartbeat_on_failed(&heartbeat, &clock, -1, 0, &random);
    }
    heartbeat_on_sent(&heartbeat, &clock, 0);
    heartbeat_on_answered(&heartbeat, &clock, false, 0, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 150000, 210000);
    /* The next failure begins with a short wait again. */
    for (int i = 0; i < 20; i++) {
        heartbeat_on_failed(&heartbeat, &clock, -1, 0, &random);
        assert_in_range(heartbeat_due_ms(&heartbeat), 0, 500);
        heartbeat_on_answered(&heartbeat, &clock, false, 0, &random);
    }
}

static void the_earliest_reason_counts(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock soon = lease_of(200, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_answered(&heartbeat, &soon, true, 1000, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 1050, 1070); /* before the window of news ends */
    struct lease_clock late = lease_of(60000, 1000);
    heartbeat_on_sent(&heartbeat, &late, 1000);
    heartbeat_on_answered(&heartbeat, &late, true, 1000, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 1125, 1250);
    /* What it carried is told: nothing of that is left to be due. */
    heartbeat_on_sent(&heartbeat, &late, 2000);
    heartbeat_on_answered(&heartbeat, &late, false, 2000, &random);
    assert_in_range(heartbeat_due_ms(&heartbeat), 2000 + 14750, 2000 + 20650);
}

static void a_lease_of_almost_nothing_does_not_heartbeat_in_a_loop(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(2, 1000);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_sent(&heartbeat, &clock, 1000);
    heartbeat_on_answered(&heartbeat, &clock, false, 1000, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 1001);
}

static void a_token_refused_before_any_heartbeat_is_asked_for_at_once(void **state)
{
    (void)state;
    struct heartbeat heartbeat;
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_urgent(&heartbeat, 5);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 5);
    heartbeat_on_token(&heartbeat);
    assert_int_equal(heartbeat_due_ms(&heartbeat), HEARTBEAT_NEVER);
}

static void a_heartbeat_sent_before_an_urgent_one_is_due_does_not_count_as_one(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct heartbeat heartbeat;
    const struct lease_clock unknown = {0};
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_urgent(&heartbeat, 1000);
    heartbeat_on_sent(&heartbeat, &unknown, 1000);
    heartbeat_on_answered(&heartbeat, &unknown, false, 1010, &random);
    heartbeat_on_urgent(&heartbeat, 1100);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 2000);
    /* News go earlier, and the urgent reason goes with them; the next is spaced from the urgent one before.
     */
    heartbeat_on_sent(&heartbeat, &unknown, 1500);
    heartbeat_on_answered(&heartbeat, &unknown, false, 1510, &random);
    assert_int_equal(heartbeat_due_ms(&heartbeat), HEARTBEAT_NEVER);
    heartbeat_on_urgent(&heartbeat, 1600);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 2000);
}

/* A generator that always gives the largest fraction: waits are then at their ceiling. */
static uint64_t next_highest(struct random *random)
{
    (void)random;
    return UINT64_MAX;
}

static void waits_between_failures_double_from_half_a_second_to_fifteen(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {500, 1000, 2000, 4000, 8000, 15000, 15000};
    struct random highest = {.next = next_highest};
    struct heartbeat heartbeat;
    struct lease_clock clock = lease_of(600000, 1000);
    heartbeat_init(&heartbeat, &rules);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        heartbeat_on_failed(&heartbeat, &clock, -1, 1000, &highest);
        assert_int_equal(heartbeat_due_ms(&heartbeat), 1000 + waits_ms[i]);
    }
}

static uint64_t next_lowest(struct random *random)
{
    (void)random;
    return 0;
}

static void the_window_of_news_is_open_for_half_the_jitter_at_least(void **state)
{
    (void)state;
    struct random lowest = {.next = next_lowest};
    struct random highest = {.next = next_highest};
    struct heartbeat heartbeat;
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_change(&heartbeat, 1000, &lowest);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 1125);
    heartbeat_init(&heartbeat, &rules);
    heartbeat_on_change(&heartbeat, 1000, &highest);
    assert_int_equal(heartbeat_due_ms(&heartbeat), 1250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lease_s_time_makes_one_due_within_its_ratios),
        cmocka_unit_test(without_an_expiry_only_news_make_one_due),
        cmocka_unit_test(news_within_a_window_share_its_heartbeat),
        cmocka_unit_test(one_in_flight_is_the_only_one),
        cmocka_unit_test(a_lease_that_ends_now_is_heartbeated_once_a_second),
        cmocka_unit_test(a_refused_token_makes_one_due_at_once),
        cmocka_unit_test(a_failed_one_is_tried_again_with_growing_waits),
        cmocka_unit_test(a_refused_token_does_not_wait_for_the_progress_before_it),
        cmocka_unit_test(a_retry_after_is_kept_to_unless_it_would_cost_the_lease),
        cmocka_unit_test(a_lease_that_seems_over_still_gets_time_for_an_answer),
        cmocka_unit_test(a_heartbeat_may_take_a_third_of_what_the_lease_has_left),
        cmocka_unit_test(a_retry_after_is_kept_to_where_it_can_still_save_the_lease),
        cmocka_unit_test(a_lease_about_to_end_is_still_given_a_round_trip),
        cmocka_unit_test(an_answer_ends_the_backoff),
        cmocka_unit_test(the_earliest_reason_counts),
        cmocka_unit_test(a_lease_of_almost_nothing_does_not_heartbeat_in_a_loop),
        cmocka_unit_test(a_token_refused_before_any_heartbeat_is_asked_for_at_once),
        cmocka_unit_test(a_heartbeat_sent_before_an_urgent_one_is_due_does_not_count_as_one),
        cmocka_unit_test(waits_between_failures_double_from_half_a_second_to_fifteen),
        cmocka_unit_test(the_window_of_news_is_open_for_half_the_jitter_at_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
