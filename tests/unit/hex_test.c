#include "libcommon/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_lower_case_and_reads_it_back(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x1f, 0xab, 0xff};
    uint8_t back[4];
    char text[9];
    assert_string_equal(hex_encode(bytes, sizeof bytes, text), "001fabff");
    assert_true(hex_decode(text, 8, back));
    assert_memory_equal(back, bytes, sizeof bytes);
}

static void reads_either_case(void **state)
{
    (void)state;
    uint8_t bytes[2];
    assert_true(hex_decode("AbcD", 4, bytes));
    assert_int_equal(bytes[0], 0xab);
    assert_int_equal(bytes[1], 0xcd);
}

static void refuses_an_odd_count_and_other_characters(void **state)
{
    (void)state;
    uint8_t bytes[2];
    assert_false(hex_decode("abc", 3, bytes));
    assert_false(hex_decode("0g", 2, bytes));
    assert_false(hex_decode("g0", 2, bytes));
    assert_false(hex_decode(" 0", 2, bytes));
    assert_false(hex_decode("0x", 2, bytes));
}

static void takes_nothing_as_nothing(void **state)
{
    (void)state;
    char text[1] = {'x'};
    assert_string_equal(hex_encode("", 0, text), "");
    assert_true(hex_decode("", 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_lower_case_and_reads_it_back),
        cmocka_unit_test(reads_either_case),
        cmocka_unit_test(refuses_an_odd_count_and_other_characters),
        cmocka_unit_test(takes_nothing_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
