#include "libcommon/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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

static void only_hex_digits_are_digits(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'1', (char)byte};
        const char *digit = strchr(digits, byte);
        uint8_t decoded = 0;
        assert_int_equal(hex_decode(text, 2, &decoded), digit != NULL);
        if (digit)
            assert_int_equal(decoded, 16 + (digit - digits < 16 ? digit - digits : digit - digits - 6));
    }
}

static void every_byte_has_its_two_digits(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const uint8_t bytes[] = {(uint8_t)byte};
        char text[3];
        char expected[3];
        snprintf(expected, sizeof expected, "%02x", byte);
        assert_string_equal(hex_encode(bytes, 1, text), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_lower_case_and_reads_it_back),
        cmocka_unit_test(reads_either_case),
        cmocka_unit_test(refuses_an_odd_count_and_other_characters),
        cmocka_unit_test(takes_nothing_as_nothing),
        cmocka_unit_test(only_hex_digits_are_digits),
        cmocka_unit_test(every_byte_has_its_two_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
