/* libcommon/base/random.h: ranges, and that the system's randomness is no repetition. */
#include "libcommon/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

static uint64_t next_counted(struct random *random)
{
    return 0x0101010101010101ULL * ++random->state;
}

static void a_range_has_both_its_ends(void **state)
{
    (void)state;
    struct random highest = {.next = next_highest};
    struct random lowest = {.next = next_lowest};
    assert_int_equal(random_between(&lowest, 5, 12), 5);
    assert_int_equal(random_between(&highest, 5, 12), 12);
    assert_int_equal(random_between(&highest, -3, -1), -1);
    assert_int_equal(random_between(&lowest, -3, -1), -3);
    assert_int_equal(random_between(&highest, 7, 7), 7);
    assert_int_equal(random_between(&highest, 7, 2), 7);
    assert_true(random_between_ratios(&lowest, 0.25, 0.35) == 0.25);
    assert_true(random_between_ratios(&highest, 0.25, 0.35) > 0.3499999);
    assert_true(random_between_ratios(&highest, 0.25, 0.35) <= 0.35);
    assert_true(random_fraction(&lowest) == 0.0);
    assert_true(random_fraction(&highest) < 1.0);
    assert_true(random_fraction(&highest) > 0.9999999);
}

static void every_number_of_a_range_comes_as_often(void **state)
{
    (void)state;
    enum { ROUNDS = 10000 };
    struct random random = random_seeded(42);
    int counts[4] = {0};
    for (int i = 0; i < ROUNDS; i++)
        counts[random_between(&random, 10, 13) - 10]++;
    for (size_t i = 0; i < 4; i++)
        assert_in_range(counts[i], ROUNDS / 4 - 300, ROUNDS / 4 + 300);
}

static void bytes_are_filled_to_the_last_and_no_further(void **state)
{
    (void)state;
    for (size_t length = 0; length <= 20; length++) {
        struct random counted = {.next = next_counted};
        unsigned char bytes[21];
        memset(bytes, 0xee, sizeof bytes);
        random_bytes(&counted, bytes, length);
        for (size_t i = 0; i < length; i++)
            assert_int_equal(bytes[i], 1 + i / 8);
        assert_int_equal(bytes[length], 0xee);
    }
}

/* The sequence of splitmix64 that its authors publish for the seed 1234567. */
static void a_seed_gives_the_same_numbers_everywhere(void **state)
{
    (void)state;
    static const uint64_t expected[] = {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
                                        4593380528125082431U, 16408922859458223821U};
    struct random random = random_seeded(1234567);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(random.next(&random) == expected[i]);
}

static void the_system_s_numbers_do_not_come_again(void **state)
{
    (void)state;
    struct random one = random_system();
    struct random other = random_system();
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) {
        uint64_t value = one.next(&one);
        assert_true(value != other.next(&other));
        bits |= value;
    }
    assert_true(bits == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_both_its_ends),
        cmocka_unit_test(every_number_of_a_range_comes_as_often),
        cmocka_unit_test(bytes_are_filled_to_the_last_and_no_further),
        cmocka_unit_test(a_seed_gives_the_same_numbers_everywhere),
        cmocka_unit_test(the_system_s_numbers_do_not_come_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
