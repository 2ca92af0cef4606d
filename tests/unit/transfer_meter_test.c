#include "services/stored/transfers/transfer_meter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void knows_where_the_transfer_stands(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, 100, 1000);
    assert_int_equal(meter.total_bytes, 100);
    transfer_meter_add(&meter, 10);
    transfer_meter_add(&meter, 30);
    assert_int_equal(meter.moved_bytes, 40);
    transfer_meter_set(&meter, 90);
    assert_int_equal(meter.moved_bytes, 90);
}

static void begins_at_0_again_when_a_transfer_is_repeated(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, -1, 1000);
    transfer_meter_set(&meter, 5000);
    transfer_meter_set(&meter, 0);
    transfer_meter_set(&meter, 1000);
    assert_int_equal(meter.moved_bytes, 1000);
    /* What is repeated is moved twice. */
    assert_int_equal(transfer_meter_rate(&meter, 2000), 6000);
}

static void takes_back_a_part_that_is_sent_again(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, 300, 0);
    transfer_meter_add(&meter, 100); /* one part */
    transfer_meter_add(&meter, 60);  /* of another, */
    transfer_meter_add(&meter, 50);  /* and of a third, */
    transfer_meter_add(&meter, 5 - 50);
    assert_int_equal(meter.moved_bytes, 165);
}

static void says_once_that_a_transfer_moved(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, -1, 0);
    assert_false(transfer_meter_tick(&meter, 1000));
    transfer_meter_add(&meter, 1);
    transfer_meter_add(&meter, 0);
    assert_true(transfer_meter_tick(&meter, 2000));
    assert_false(transfer_meter_tick(&meter, 3000));
    transfer_meter_set(&meter, 1);
    assert_false(transfer_meter_tick(&meter, 4000));
    transfer_meter_set(&meter, 0);
    assert_true(transfer_meter_tick(&meter, 5000));
}

static void gives_the_mean_of_the_first_seconds(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, -1, 10000);
    assert_int_equal(transfer_meter_rate(&meter, 10000), 0);
    transfer_meter_add(&meter, 500);
    assert_int_equal(transfer_meter_rate(&meter, 10500), 1000);
    transfer_meter_tick(&meter, 11000);
    transfer_meter_add(&meter, 1500);
    assert_int_equal(transfer_meter_rate(&meter, 12000), 1000);
}

static void follows_a_rate_that_changes_within_five_seconds(void **state)
{
    struct transfer_meter meter;
    int64_t now_ms = 0;
    (void)state;
    transfer_meter_init(&meter, -1, now_ms);
    for (int i = 0; i < 20; i++) {
        transfer_meter_add(&meter, 1000);
        transfer_meter_tick(&meter, now_ms += 1000);
    }
    assert_int_equal(transfer_meter_rate(&meter, now_ms), 1000);
    for (int i = 0; i < 2; i++) {
        transfer_meter_add(&meter, 9000);
        transfer_meter_tick(&meter, now_ms += 1000);
    }
    assert_in_range(transfer_meter_rate(&meter, now_ms), 2000, 8000);
    for (int i = 0; i < 3; i++) {
        transfer_meter_add(&meter, 9000);
        transfer_meter_tick(&meter, now_ms += 1000);
    }
    assert_int_equal(transfer_meter_rate(&meter, now_ms), 9000);
}

static void a_stalled_transfer_comes_to_a_rate_of_0(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, -1, 0);
    transfer_meter_add(&meter, INT64_C(1) << 50);
    for (int i = 1; i <= 6; i++)
        transfer_meter_tick(&meter, (int64_t)i * 1000);
    assert_int_equal(transfer_meter_rate(&meter, 6500), 0);
}

static void nothing_is_metered_without_a_meter(void **state)
{
    (void)state;
    transfer_meter_add(NULL, 1);
    transfer_meter_set(NULL, 1);
}

/* The mean of five seconds: of fewer it would jump, of more it would lag. */
static void the_rate_is_that_of_the_last_five_seconds(void **state)
{
    struct transfer_meter meter;
    int64_t now_ms = 0;
    (void)state;
    transfer_meter_init(&meter, -1, now_ms);
    for (int second = 1; second <= 12; second++) {
        transfer_meter_add(&meter, INT64_C(1000) * second);
        int64_t first = second > 5 ? second - 4 : 1;
        int64_t seconds = second > 5 ? 5 : second;
        now_ms += 1000;
        assert_int_equal(transfer_meter_rate(&meter, now_ms), 1000 * (first + second) / 2);
        assert_int_equal(transfer_meter_rate(&meter, now_ms + 1000 * seconds), 500 * (first + second) / 2);
        transfer_meter_tick(&meter, now_ms);
    }
}

static void what_was_moved_before_a_restart_is_no_rate_and_no_news(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, 900, 1000);
    transfer_meter_restore(&meter, 500);
    assert_int_equal(meter.moved_bytes, 500);
    assert_int_equal(transfer_meter_rate(&meter, 2000), 0);
    assert_false(transfer_meter_tick(&meter, 2000));
    transfer_meter_set(&meter, 600);
    assert_int_equal(meter.moved_bytes, 600);
    assert_int_equal(transfer_meter_rate(&meter, 2000), 100);
    transfer_meter_restore(NULL, 1);
}

static void bytes_taken_back_do_not_lower_the_rate(void **state)
{
    struct transfer_meter meter;
    (void)state;
    transfer_meter_init(&meter, -1, 0);
    transfer_meter_add(&meter, 100);
    transfer_meter_tick(&meter, 500);
    transfer_meter_add(&meter, -100);
    assert_int_equal(meter.moved_bytes, 0);
    assert_int_equal(transfer_meter_rate(&meter, 1000), 100);
    assert_true(transfer_meter_tick(&meter, 1000));
    /* Within a millisecond there is no rate to speak of, and no division by 0. */
    transfer_meter_init(&meter, -1, 0);
    transfer_meter_add(&meter, 7);
    assert_int_equal(transfer_meter_rate(&meter, 0), 7000);
    assert_int_equal(transfer_meter_rate(&meter, 1), 7000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_where_the_transfer_stands),
        cmocka_unit_test(begins_at_0_again_when_a_transfer_is_repeated),
        cmocka_unit_test(takes_back_a_part_that_is_sent_again),
        cmocka_unit_test(says_once_that_a_transfer_moved),
        cmocka_unit_test(gives_the_mean_of_the_first_seconds),
        cmocka_unit_test(follows_a_rate_that_changes_within_five_seconds),
        cmocka_unit_test(a_stalled_transfer_comes_to_a_rate_of_0),
        cmocka_unit_test(nothing_is_metered_without_a_meter),
        cmocka_unit_test(the_rate_is_that_of_the_last_five_seconds),
        cmocka_unit_test(what_was_moved_before_a_restart_is_no_rate_and_no_news),
        cmocka_unit_test(bytes_taken_back_do_not_lower_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
