#include "services/leased/task/heartbeat.h"

#include "libcommon/base/clock.h"
#include "services/leased/dms/lease_clock.h"
#include "services/leased/task/pending_updates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct heartbeat_rules rules = {
    .jitter_ms = 250, .min_ratio = 0.25, .max_ratio = 0.35, .request_timeout_ms = 30000};

static struct lease_clock lease_of(int64_t left_ms, int64_t now_ms)
{
    struct lease_clock clock = {0};
    lease_clock_set(&clock, 1000000 + left_ms, 1000000, now_ms);
    return clock;
}

/* --- the lease's clock --- */

static void a_lease_ends_by_the_servers_clock_and_not_by_ours(void **state)
{
    (void)state;
    struct lease_clock clock = {0};
    assert_int_equal(lease_clock_left_ms(&clock, 5000), -1);
    assert_false(lease_clock_ran_out(&clock, INT64_MAX));
    /* The server's clock is hours away from ours; only the difference counts. */
    lease_clock_set(&clock, 7200000 + 60000, 7200000, 5000);
    assert_int_equal(lease_clock_left_ms(&clock, 5000), 60000);
    assert_false(lease_clock_ran_out(&clock, 5000 + 57999));
    assert_true(lease_clock_ran_out(&clock, 5000 + 58000));
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

static void a_date_cut_to_the_second_never_lengthens_a_lease(void **state)
{
    (void)state;
    assert_int_equal(clock_server_unix_ms(-1, 7654321), 7654321);
    /* The clocks agree: ours knows the part of the second that Date lacks. */
    assert_int_equal(clock_server_unix_ms(5000, 5400), 5400);
    /* They do not: the lease might be older by all of that second. */
    assert_int_equal(clock_server_unix_ms(5000, 4999), 5999);
    assert_int_equal(clock_server_unix_ms(5000, 99000), 5999);
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

/* --- what they carry --- */

static void nothing_is_told_twice_and_nothing_is_lost(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_add_event(&outgoing, 1, "{\"e\":1}", &error));
    assert_true(pending_updates_set_progress(&outgoing, 2, "{\"p\":1}", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":1}]}");
    free(body);
    /* Comes while the heartbeat is in flight: not acknowledged with it. */
    assert_true(pending_updates_add_event(&outgoing, 3, "{\"e\":2}", &error));
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_any(&outgoing));
    body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    pending_updates_restore(&outgoing);
    body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{\"p\":1},\"events\":[{\"e\":2}]}");
    free(body);
    pending_updates_acknowledge(&outgoing);
    assert_false(pending_updates_any(&outgoing));
    pending_updates_clear(&outgoing);
}

static void the_first_heartbeat_is_empty(void **state)
{
    (void)state;
    struct pending_updates outgoing = {0};
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":{},\"events\":[]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void a_repeated_sequence_number_changes_nothing(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    assert_true(pending_updates_add_event(&outgoing, 1, "1", &error));
    assert_true(pending_updates_add_event(&outgoing, 1, "1", &error));
    assert_true(pending_updates_set_progress(&outgoing, 3, "\"new\"", &error));
    assert_true(pending_updates_set_progress(&outgoing, 2, "\"old\"", &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_string_equal(body, "{\"progress\":\"new\",\"events\":[1]}");
    free(body);
    pending_updates_clear(&outgoing);
}

static void numbers_and_escapes_survive(void **state)
{
    (void)state;
    struct error error;
    struct pending_updates outgoing = {0};
    const char *event = "{\"n\":18446744073709551616,\"r\":1.0e-7,\"z\":\"\\u0000\"}";
    assert_true(pending_updates_add_event(&outgoing, 1, event, &error));
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_non_null(strstr(body, event));
    free(body);
    assert_false(pending_updates_add_event(&outgoing, 2, "{bad", &error));
    assert_false(pending_updates_set_progress(&outgoing, 2, "", &error));
    pending_updates_clear(&outgoing);
}

static void too_many_events_wait_with_the_runner(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct pending_updates outgoing = {0};
    int64_t taken = 0;
    while (pending_updates_add_event(&outgoing, taken + 1, "0", &error))
        taken++;
    assert_int_equal(taken, 1000);
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    free(pending_updates_compose_heartbeat(&outgoing));
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_add_event(&outgoing, taken + 1, "0", &error));
    pending_updates_clear(&outgoing);
}

static void held_events_are_bounded_in_bytes_too(void **state)
{
    (void)state;
    struct error error = {.code = ERROR_NONE};
    struct pending_updates outgoing = {0};
    const size_t event_bytes = 65536;
    char *event = malloc(event_bytes + 1);
    memset(event, '1', event_bytes);
    event[event_bytes] = '\0';
    int64_t taken = 0;
    while (pending_updates_add_event(&outgoing, taken + 1, event, &error))
        taken++;
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    assert_int_equal(taken, 128);
    /* One heartbeat carries a part, in order, and makes as much room. */
    char *body = pending_updates_compose_heartbeat(&outgoing);
    assert_in_range(strlen(body), 1000000, 1100000);
    free(body);
    pending_updates_acknowledge(&outgoing);
    assert_true(pending_updates_add_event(&outgoing, taken + 1, event, &error));
    assert_true(pending_updates_any(&outgoing));
    free(event);
    pending_updates_clear(&outgoing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_ends_by_the_servers_clock_and_not_by_ours),
        cmocka_unit_test(an_expiry_in_the_past_does_not_end_a_lease_that_still_has_time),
        cmocka_unit_test(a_date_cut_to_the_second_never_lengthens_a_lease),
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
        cmocka_unit_test(nothing_is_told_twice_and_nothing_is_lost),
        cmocka_unit_test(the_first_heartbeat_is_empty),
        cmocka_unit_test(a_repeated_sequence_number_changes_nothing),
        cmocka_unit_test(numbers_and_escapes_survive),
        cmocka_unit_test(too_many_events_wait_with_the_runner),
        cmocka_unit_test(held_events_are_bounded_in_bytes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
