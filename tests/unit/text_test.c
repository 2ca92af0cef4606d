#include "libcommon/base/text.h"

#include "libcommon/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void trims_white_space_at_both_ends(void **state)
{
    (void)state;
    char *trimmed = text_copy_trimmed(" \t\r\n\v\fa b\n ");
    assert_string_equal(trimmed, "a b");
    free(trimmed);
    assert_null(text_copy_trimmed(NULL));
    assert_true(text_is_blank(NULL));
    assert_true(text_is_blank(" \t\n"));
    assert_false(text_is_blank(" x "));
}

static void compares_without_regard_to_case(void **state)
{
    (void)state;
    assert_true(text_starts_with_any_case("DDS v1.2", "dds V"));
    assert_false(text_starts_with_any_case("DD", "DDS"));
    assert_true(text_equal_any_case("Content-Type", 12, "content-type"));
    assert_false(text_equal_any_case("Content-Typ", 11, "content-type"));
}

static void puts_a_body_on_one_line(void **state)
{
    (void)state;
    char *line = text_copy_one_line("a\r\nb\x1b[2Jc", 6);
    assert_string_equal(line, "a  b [");
    free(line);
}

static void reads_utf8_by_rfc_3629(void **state)
{
    (void)state;
    static const char *const refused[] = {"\x80",         "\xc0\xaf",         "\xc1\xbf",
                                          "\xe0\x80\x80", "\xed\xa0\x80",     "\xf0\x80\x80\x80",
                                          "\xc3",         "\xf4\x90\x80\x80", "\xff"};
    static const uint32_t accepted[] = {0x41,   0x7f,   0x80,   0x7ff,   0x800,
                                        0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
    uint32_t code_point;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(utf8_decode(refused[i], strlen(refused[i]), &code_point), 0);
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        char bytes[UTF8_MAX_BYTES];
        size_t length = utf8_encode(accepted[i], bytes);
        assert_int_equal(utf8_decode(bytes, length, &code_point), length);
        assert_int_equal(code_point, accepted[i]);
        assert_int_equal(utf8_decode(bytes, length - 1, &code_point), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trims_white_space_at_both_ends),
        cmocka_unit_test(compares_without_regard_to_case),
        cmocka_unit_test(puts_a_body_on_one_line),
        cmocka_unit_test(reads_utf8_by_rfc_3629),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
