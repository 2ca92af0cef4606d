#include "libcommon/base/text.h"

#include "libcommon/base/error.h"
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

static void one_is_not_many(void **state)
{
    (void)state;
    assert_string_equal(text_plural(0, "input", "inputs"), "inputs");
    assert_string_equal(text_plural(1, "input", "inputs"), "input");
    assert_string_equal(text_plural(2, "input", "inputs"), "inputs");
}

static void compares_without_regard_to_case(void **state)
{
    (void)state;
    assert_true(text_starts_with_any_case("DDS v1.2", "dds V"));
    assert_false(text_starts_with_any_case("DD", "DDS"));
    assert_true(text_equal_any_case("Content-Type", 12, "content-type"));
    assert_false(text_equal_any_case("Content-Typ", 11, "content-type"));
}

static void cuts_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t limit;
        size_t kept;
    } cuts[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"abc", 2, 2},
        {"abc", 0, 0},
        {"a\xc3\xb6", 3, 3},
        {"a\xc3\xb6", 2, 1},
        {"\xc3\xb6", 1, 0},
        {"\xe4\xb8\xad\xe6\x96\x87", 6, 6},
        {"\xe4\xb8\xad\xe6\x96\x87", 5, 3},
        {"\xe4\xb8\xad\xe6\x96\x87", 4, 3},
        {"\xe4\xb8\xad\xe6\x96\x87", 3, 3},
        {"\xf0\x9f\x9a\x80z", 4, 4},
        {"\xf0\x9f\x9a\x80z", 3, 0},
        {"\xf0\x9f\x9a\x80z", 1, 0},
        /* no UTF-8 */
        {"\xff\xff\xff", 2, 2},
        {"\x80\x80\x80\x80\x80\x80", 5, 5},
        {"a\x80\x80\x80\x80", 3, 3},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++)
        assert_int_equal(text_cut(cuts[i].text, strlen(cuts[i].text), cuts[i].limit), cuts[i].kept);
}

/* Counted by another implementation of Unicode 15.0; its runs' first and last are what siwe_test tries. */
static void knows_the_format_characters(void **state)
{
    (void)state;
    unsigned count = 0;
    uint64_t sum = 0;
    for (uint32_t code_point = 0; code_point <= 0x10ffff; code_point++) {
        if (!utf8_is_format(code_point))
            continue;
        assert_false(utf8_is_control(code_point));
        count++;
        sum += code_point;
    }
    assert_int_equal(count, 170);
    assert_int_equal(sum, 92312063);
}

static void formats_no_more_than_fits(void **state)
{
    (void)state;
    char out[8];
    text_format(out, sizeof out, "%s", "1234567");
    assert_string_equal(out, "1234567");
    text_format(out, sizeof out, "%s", "12345678");
    assert_string_equal(out, "1234567");
    text_format(out, sizeof out, "%s", "12345\xe4\xb8\xad");
    assert_string_equal(out, "12345");
    text_format(out, 1, "%s", "\xc3\xb6");
    assert_string_equal(out, "");
    text_format(out, sizeof out, "<%.*s>", TEXT_CUT("\xe4\xb8\xad\xe6\x96\x87", 4));
    assert_string_equal(out, "<\xe4\xb8\xad>");
}

static void assert_is_utf8(const char *text)
{
    uint32_t code_point;
    size_t length = strlen(text);
    assert_in_range(length, ERROR_TEXT_BYTES - 3, ERROR_TEXT_BYTES - 1);
    for (size_t step; length; text += step, length -= step) {
        step = utf8_decode(text, length, &code_point);
        assert_true(step > 0);
    }
}

static void an_error_is_cut_between_characters(void **state)
{
    (void)state;
    struct error error;
    char long_text[ERROR_TEXT_BYTES + 4] = "";
    for (size_t i = 0; i + 1 < sizeof long_text; i++)
        long_text[i] = "\xe4\xb8\xad"[i % 3];
    for (int shift = 0; shift < 3; shift++) {
        error_set(&error, ERROR_INVALID, "%.*s%s", shift, "ab", long_text);
        assert_is_utf8(error.text);
        error_set_errno(&error, 2, "%.*s%s", shift, "ab", long_text);
        assert_is_utf8(error.text);
        error_prefix(&error, "%.*s", shift, "ab");
        assert_is_utf8(error.text);
    }
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
    static const char *const refused[] = {
        "\x80", "\xc0\xaf",         "\xc1\xbf",         "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xc3", "\xf4\x90\x80\x80", "\xf8\x90\x80\x80", "\xff"};
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

static void white_space_is_space_and_tab_to_carriage_return(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        assert_int_equal(text_is_space((char)byte), byte == ' ' || (byte >= 9 && byte <= 13));
}

static void only_ascii_letters_change_case_and_only_ascii_digits_are_digits(void **state)
{
    (void)state;
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
    for (int byte = 1; byte < 256; byte++) {
        const char *letter = strchr(upper, byte);
        assert_int_equal(text_lower((char)byte), letter ? lower[letter - upper] : (char)byte);
        assert_int_equal(text_is_digit((char)byte), strchr("0123456789", byte) != NULL);
    }
    assert_false(text_is_digit('\0'));
}

static void trims_down_to_nothing(void **state)
{
    (void)state;
    const char *text = "  \t ";
    size_t length = 4;
    text_trim(&text, &length);
    assert_int_equal(length, 0);
    char *trimmed = text_copy_trimmed("");
    assert_string_equal(trimmed, "");
    free(trimmed);
    /* Only what `length` covers counts. */
    text = " ab ";
    length = 2;
    text_trim(&text, &length);
    assert_int_equal(length, 1);
    assert_int_equal(*text, 'a');
}

static void texts_that_differ_anywhere_are_not_equal(void **state)
{
    (void)state;
    assert_false(text_equal_any_case("xbc", 3, "abc"));
    assert_false(text_equal_any_case("aac", 3, "abc"));
    assert_false(text_equal_any_case("abx", 3, "abc"));
    assert_false(text_equal_any_case("abcd", 4, "abc"));
    assert_true(text_equal_any_case("aBcd", 3, "AbC"));
    assert_false(text_equal_any_case("abc\0d", 5, "abc"));
    assert_true(text_equal_any_case("", 0, ""));
    assert_false(text_starts_with_any_case("xds", "dds"));
    assert_false(text_starts_with_any_case("ddx", "dds"));
    assert_true(text_starts_with_any_case("dds", "dds"));
    assert_true(text_starts_with_any_case("", ""));
}

/* A terminal acts on every control character, DEL included. */
static void no_control_character_reaches_a_log_line(void **state)
{
    (void)state;
    for (int byte = 0; byte < 128; byte++) {
        char raw[2] = {(char)byte, 'x'};
        char *line = text_copy_one_line(raw, 2);
        assert_int_equal(line[0], byte < 32 || byte == 127 ? ' ' : (char)byte);
        assert_int_equal(line[1], 'x');
        assert_int_equal(line[2], '\0');
        free(line);
    }
    char *whole = text_copy_one_line("a\nb", 3);
    assert_string_equal(whole, "a b");
    free(whole);
}

/* Some terminals act on the control characters beyond ASCII, too, and some viewers end a line at U+2028. */
static void no_control_character_beyond_ascii_reaches_a_log_line(void **state)
{
    (void)state;
    static const uint32_t kept[] = {0xa0, 0xad, 0x2027, 0x202a, 0x10ffff};
    for (uint32_t code_point = 0x80; code_point < 0xa0; code_point++)
        assert_true(utf8_is_control(code_point));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_false(utf8_is_control(kept[i]));
    char *line = text_copy_one_line("a\xc2\x9b\xe2\x80\xa8\xe2\x80\xa9\xc2\xa0z", 12);
    assert_string_equal(line, "a   \xc2\xa0z");
    free(line);
}

/* The first and last of each range, and what lies right beside it. */
static void format_characters_are_those_of_unicode(void **state)
{
    (void)state;
    static const uint32_t are[] = {0xad,    0x600,   0x605,   0x61c,   0x6dd,   0x70f,   0x890,   0x891,
                                   0x8e2,   0x180e,  0x200b,  0x200f,  0x202a,  0x202e,  0x2060,  0x2064,
                                   0x2066,  0x206f,  0xfeff,  0xfff9,  0xfffb,  0x110bd, 0x110cd, 0x13430,
                                   0x1343f, 0x1bca0, 0x1bca3, 0x1d173, 0x1d17a, 0xe0001, 0xe0020, 0xe007f};
    static const uint32_t are_not[] = {0,       'a',     0xac,    0xae,    0x5ff,    0x606,   0x200a,
                                       0x2010,  0x2028,  0x2029,  0x202f,  0x2065,   0x2070,  0xfefe,
                                       0xff00,  0xfffc,  0x1342f, 0x13440, 0x1d172,  0x1d17b, 0xe0000,
                                       0xe001f, 0xe0080, 0xe0100, 0x1f600, 0x10ffff, 0xfff8};
    for (size_t i = 0; i < sizeof are / sizeof are[0]; i++)
        assert_true(utf8_is_format(are[i]));
    for (size_t i = 0; i < sizeof are_not / sizeof are_not[0]; i++)
        assert_false(utf8_is_format(are_not[i]));
}

static void a_byte_that_is_no_text_is_a_question_mark_and_the_rest_stays(void **state)
{
    (void)state;
    char *line = text_copy_one_line("\xff"
                                    "a\xc3(b\xe2\x89",
                                    7);
    assert_string_equal(line, "?a?(b??");
    free(line);
}

/* In memory of just that size, so that a byte too many is seen. */
static void a_line_that_does_not_fit_is_cut_between_characters(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xb6z\n\xff";
    static const char *const lines[] = {"",           "a",           "a",           "a\xc3\xb6",
                                        "a\xc3\xb6z", "a\xc3\xb6z ", "a\xc3\xb6z ?"};
    for (size_t capacity = 1; capacity <= sizeof lines / sizeof lines[0]; capacity++) {
        char *out = malloc(capacity);
        assert_string_equal(text_one_line(text, sizeof text - 1, out, capacity), lines[capacity - 1]);
        free(out);
    }
}

static void utf8_has_the_bytes_that_rfc_3629_gives(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t code_point;
    } characters[] = {{"$", 0x24},
                      {"\xc2\xa2", 0xa2},
                      {"\xe2\x89\xa2", 0x2262},
                      {"\xed\x95\x9c", 0xd55c},
                      {"\xef\xbb\xbf", 0xfeff},
                      {"\xf0\xa3\x8e\xb4", 0x233b4},
                      {"\xf3\xa0\x81\x81", 0xe0041}};
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        char bytes[UTF8_MAX_BYTES];
        uint32_t code_point;
        size_t length = strlen(characters[i].bytes);
        assert_int_equal(utf8_encode(characters[i].code_point, bytes), length);
        assert_memory_equal(bytes, characters[i].bytes, length);
        assert_int_equal(utf8_decode(characters[i].bytes, length, &code_point), length);
        assert_int_equal(code_point, characters[i].code_point);
    }
}

static void utf8_that_is_broken_off_or_goes_beyond_is_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"\xc3(",         "\xe2\x89(",        "\xe2(\xa2",
                                          "\xf0\xa3\x8e(", "\xf0(\x8e\xb4",    "\xc3\xc3",
                                          "\xed\xbf\xbf",  "\xf4\x8f\xbf\xc0", "\xf5\x80\x80\x80",
                                          "\xe0\x9f\xbf",  "\xf0\x8f\xbf\xbf", "\xbf",
                                          "\xc1\x80",      "\xa2\x80",         "\xbf\xbf"};
    uint32_t code_point;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(utf8_decode(refused[i], strlen(refused[i]), &code_point), 0);
    char *exact = malloc(1);
    *exact = 'a';
    assert_int_equal(utf8_decode(exact + 1, 0, &code_point), 0);
    free(exact);
    assert_int_equal(utf8_decode("ab", 2, &code_point), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trims_white_space_at_both_ends),
        cmocka_unit_test(one_is_not_many),
        cmocka_unit_test(compares_without_regard_to_case),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(knows_the_format_characters),
        cmocka_unit_test(formats_no_more_than_fits),
        cmocka_unit_test(an_error_is_cut_between_characters),
        cmocka_unit_test(puts_a_body_on_one_line),
        cmocka_unit_test(reads_utf8_by_rfc_3629),
        cmocka_unit_test(white_space_is_space_and_tab_to_carriage_return),
        cmocka_unit_test(only_ascii_letters_change_case_and_only_ascii_digits_are_digits),
        cmocka_unit_test(trims_down_to_nothing),
        cmocka_unit_test(texts_that_differ_anywhere_are_not_equal),
        cmocka_unit_test(no_control_character_reaches_a_log_line),
        cmocka_unit_test(no_control_character_beyond_ascii_reaches_a_log_line),
        cmocka_unit_test(format_characters_are_those_of_unicode),
        cmocka_unit_test(a_byte_that_is_no_text_is_a_question_mark_and_the_rest_stays),
        cmocka_unit_test(a_line_that_does_not_fit_is_cut_between_characters),
        cmocka_unit_test(utf8_has_the_bytes_that_rfc_3629_gives),
        cmocka_unit_test(utf8_that_is_broken_off_or_goes_beyond_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
