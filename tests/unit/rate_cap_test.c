#include "services/stored/transfers/rate_cap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { RATE = 1000000, SECONDS = 5 };

/* A transfer that always has more, in pieces of its own size. */
struct mover {
    struct rate_share share;
    int64_t piece_bytes;
    int64_t moved_bytes;
    bool held;
};

static void move(struct rate_cap *cap, struct mover *mover, int64_t now_ms)
{
    while (rate_cap_pass(cap, &mover->share, mover->piece_bytes, now_ms))
        mover->moved_bytes += mover->piece_bytes;
    mover->held = true;
}

static void run(struct rate_cap *cap, struct mover *movers, size_t count, int64_t from_ms, int64_t until_ms)
{
    for (int64_t now_ms = from_ms; now_ms < until_ms; now_ms++) {
        for (size_t i = 0; i < count; i++)
            if (!movers[i].held)
                move(cap, &movers[i], now_ms);
        for (struct rate_share *turn = rate_cap_next(cap, now_ms); turn; turn = rate_cap_next(cap, now_ms))
            move(cap, (struct mover *)turn, now_ms);
    }
}

static void keeps_the_rate(void **state)
{
    struct rate_cap cap;
    struct mover mover = {.piece_bytes = RATE_CAP_TURN_BYTES};
    (void)state;
    rate_cap_init(&cap, RATE, 1000);
    run(&cap, &mover, 1, 1000, 1000 + (int64_t)SECONDS * 1000);
    assert_in_range(mover.moved_bytes, RATE * SECONDS * 99 / 100, RATE * SECONDS + RATE_CAP_TURN_BYTES);
}

static void transfers_side_by_side_get_the_same_whatever_their_pieces_are(void **state)
{
    struct rate_cap cap;
    struct mover movers[] = {
        {.piece_bytes = RATE_CAP_TURN_BYTES}, {.piece_bytes = 1000}, {.piece_bytes = 9000}};
    enum { COUNT = sizeof movers / sizeof *movers };
    const int64_t fair = (int64_t)RATE * SECONDS / COUNT;
    int64_t sum = 0;
    (void)state;
    rate_cap_init(&cap, RATE, 0);
    run(&cap, movers, COUNT, 0, (int64_t)SECONDS * 1000);
    for (size_t i = 0; i < COUNT; i++) {
        assert_in_range(movers[i].moved_bytes, fair * 9 / 10, fair * 11 / 10);
        sum += movers[i].moved_bytes;
    }
    assert_in_range(sum, RATE * SECONDS * 98 / 100, RATE * SECONDS + RATE_CAP_TURN_BYTES * 2);
}

static void one_that_comes_later_gets_its_share_at_once(void **state)
{
    struct rate_cap cap;
    struct mover movers[] = {{.piece_bytes = RATE_CAP_TURN_BYTES}, {.piece_bytes = RATE_CAP_TURN_BYTES}};
    (void)state;
    rate_cap_init(&cap, RATE, 0);
    run(&cap, movers, 1, 0, 2000);
    movers[0].moved_bytes = 0;
    run(&cap, movers, 2, 2000, 4000);
    assert_in_range(movers[0].moved_bytes, RATE * 9 / 10, RATE * 11 / 10);
    assert_in_range(movers[1].moved_bytes, RATE * 9 / 10, RATE * 11 / 10);
}

static void saves_up_little_while_nothing_passes(void **state)
{
    struct rate_cap cap;
    struct mover mover = {.piece_bytes = RATE_CAP_TURN_BYTES};
    (void)state;
    rate_cap_init(&cap, RATE, 0);
    run(&cap, &mover, 1, 1000000, 1000001);
    assert_in_range(mover.moved_bytes, 1, RATE / 1000 * RATE_CAP_BURST_MS + RATE_CAP_TURN_BYTES);
}

static void holds_a_slow_line_up_for_as_long_as_a_piece_takes(void **state)
{
    struct rate_cap cap;
    struct mover mover = {.piece_bytes = RATE_CAP_TURN_BYTES};
    (void)state;
    rate_cap_init(&cap, 1000, 0);
    assert_int_equal(rate_cap_wait_ms(&cap, 0), -1);
    move(&cap, &mover, 100);
    assert_int_equal(mover.moved_bytes, RATE_CAP_TURN_BYTES);
    assert_in_range(rate_cap_wait_ms(&cap, 100), RATE_CAP_TURN_BYTES - 101, RATE_CAP_TURN_BYTES);
    assert_null(rate_cap_next(&cap, 10000));
    assert_ptr_equal(rate_cap_next(&cap, 100 + RATE_CAP_TURN_BYTES), &mover.share);
}

static void gives_back_what_a_transfer_that_ends_has_not_used(void **state)
{
    struct rate_cap cap;
    struct rate_share share = {0};
    struct rate_share other = {0};
    (void)state;
    rate_cap_init(&cap, 1000, 0);
    assert_true(rate_cap_pass(&cap, &share, 1, 1));
    assert_false(rate_cap_pass(&cap, &other, 1, 2));
    rate_cap_leave(&cap, &share);
    assert_ptr_equal(rate_cap_next(&cap, 4), &other);
    rate_cap_leave(&cap, &other);
    assert_int_equal(rate_cap_wait_ms(&cap, 5), -1);
}

static void nobody_overtakes_those_who_wait(void **state)
{
    struct rate_cap cap;
    struct rate_share first = {0};
    struct rate_share second = {0};
    (void)state;
    rate_cap_init(&cap, RATE, 0);
    rate_cap_wait(&cap, &first);
    assert_false(rate_cap_pass(&cap, &second, 1, 100));
    rate_cap_wait(&cap, &first); /* keeps its place */
    assert_ptr_equal(rate_cap_next(&cap, 1000), &first);
    assert_ptr_equal(rate_cap_next(&cap, 2000), &second);
    assert_null(rate_cap_next(&cap, 3000));
}

static void a_millisecond_is_the_least_wait(void **state)
{
    struct rate_cap cap;
    struct rate_share share = {0};
    (void)state;
    rate_cap_init(&cap, RATE, 0);
    rate_cap_wait(&cap, &share);
    assert_null(rate_cap_next(&cap, 0));
    assert_int_equal(rate_cap_wait_ms(&cap, 0), 1);
    assert_int_equal(rate_cap_wait_ms(&cap, 1), 0);
    assert_ptr_equal(rate_cap_next(&cap, 1), &share);
}

static void without_a_cap_all_passes(void **state)
{
    struct rate_cap cap;
    struct rate_share share = {0};
    (void)state;
    rate_cap_init(&cap, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_true(rate_cap_pass(&cap, &share, INT64_MAX / 2, 0));
    assert_int_equal(rate_cap_wait_ms(&cap, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_rate),
        cmocka_unit_test(transfers_side_by_side_get_the_same_whatever_their_pieces_are),
        cmocka_unit_test(one_that_comes_later_gets_its_share_at_once),
        cmocka_unit_test(saves_up_little_while_nothing_passes),
        cmocka_unit_test(holds_a_slow_line_up_for_as_long_as_a_piece_takes),
        cmocka_unit_test(gives_back_what_a_transfer_that_ends_has_not_used),
        cmocka_unit_test(nobody_overtakes_those_who_wait),
        cmocka_unit_test(a_millisecond_is_the_least_wait),
        cmocka_unit_test(without_a_cap_all_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
