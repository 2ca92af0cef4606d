#include "libcommon/json/json_text.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/json/json_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A copy of exactly that size without a NUL: a read beyond the end is seen by the sanitizer. */
static bool is_valid(const char *text, size_t length)
{
    struct error error;
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    bool valid = json_text_validate(copy, length, &error);
    free(copy);
    return valid;
}

static void accepts_json_that_other_readers_would_change(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}",
                                        " [ ] \n",
                                        "0",
                                        "-0",
                                        "123456789012345678901234567890",
                                        "1.0e+400",
                                        "-1.5E-7",
                                        "\"\"",
                                        "\"\\u0000\\ud800\"",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                        "\"\xf0\x9f\x99\x82\x7f\"",
                                        "true",
                                        "false",
                                        "null",
                                        "{\"a\":1,\"a\":2}",
                                        "[1,[2,{\"x\":[]}],\"]\"]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        print_message("  text: %s\n", texts[i]);
        assert_true(is_valid(texts[i], strlen(texts[i])));
    }
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "[1 2]",
                                        "01",
                                        "1.",
                                        ".5",
                                        "-",
                                        "+1",
                                        "1e",
                                        "1e+",
                                        "NaN",
                                        "tru",
                                        "truex",
                                        "nul",
                                        "\"",
                                        "\"\\",
                                        "\"\\x\"",
                                        "\"\\u12\"",
                                        "\"\\u12g4\"",
                                        "\"\n\"",
                                        "\"\xff\"",
                                        "\"\xed\xa0\x80\"",
                                        "'a'",
                                        "[]]",
                                        "{}{}",
                                        "1 1",
                                        "\xef\xbb\xbf{}",
                                        "//x\n1",
                                        "[1}",
                                        "{\"a\":1]",
                                        "\f1",
                                        "{\"a\" 1}",
                                        "{,}",
                                        "[,]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        print_message("  text: %s\n", texts[i]);
        assert_false(is_valid(texts[i], strlen(texts[i])));
    }
    assert_false(is_valid("\"a\0b\"", 5));
    assert_false(is_valid("1\0", 2));
    assert_false(is_valid("\"\\\0\"", 4));
}

static bool nested_is_valid(size_t depth)
{
    char *text = memory_allocate(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    bool valid = is_valid(text, 2 * depth);
    free(text);
    return valid;
}

static void bounds_the_depth(void **state)
{
    (void)state;
    assert_true(nested_is_valid(LIMIT_JSON_DEPTH));
    assert_false(nested_is_valid(LIMIT_JSON_DEPTH + 1));
    assert_false(nested_is_valid(1000000));
}

/* The slice lives in `text`, which the caller keeps. */
static struct json_slice parse(const char *text)
{
    struct error error;
    struct json_slice value;
    assert_true(json_text_parse(text, strlen(text), &value, &error));
    return value;
}

static void assert_slice(struct json_slice slice, const char *expected)
{
    char *copy = json_text_copy(slice);
    assert_non_null(copy);
    assert_string_equal(copy, expected);
    free(copy);
}

static void cuts_members_out_byte_for_byte(void **state)
{
    (void)state;
    struct error error;
    struct json_slice value;
    struct json_slice object =
        parse(" {\"meta\" : {\"a\" : 1.0e400, \"meta\":\"}]\\\"\"} , \"n\":null,\"\\u0078\":[ 1 ]\n} ");
    assert_true(json_text_member(object, "meta", &value, &error));
    assert_slice(value, "{\"a\" : 1.0e400, \"meta\":\"}]\\\"\"}");
    assert_true(json_text_member(object, "x", &value, &error));
    assert_slice(value, "[ 1 ]");
    assert_true(json_text_member(object, "n", &value, &error));
    assert_null(value.text);
    assert_true(json_text_member(object, "a", &value, &error));
    assert_null(value.text);
    assert_true(json_text_member(parse("[\"meta\",1]"), "meta", &value, &error));
    assert_null(value.text);
}

static void refuses_a_name_that_occurs_twice(void **state)
{
    (void)state;
    struct error error;
    struct json_slice value;
    assert_false(json_text_member(parse("{\"a\":1,\"b\":2,\"a\":1}"), "a", &value, &error));
    assert_false(json_text_member(parse("{\"a\":null,\"\\u0061\":1}"), "a", &value, &error));
    assert_non_null(strstr(error.text, "a"));
    assert_true(json_text_member(parse("{\"a\":1,\"b\":2,\"a\":1}"), "b", &value, &error));
}

static void goes_through_elements_and_members_in_order(void **state)
{
    (void)state;
    static const char *const expected[] = {"1", "\"a,]\"", "[2,[3]]", "{\"x\":{}}", "true", "null", "-1.5e3"};
    struct json_slice name;
    struct json_slice value;
    size_t count = 0;
    struct json_iterator elements =
        json_text_elements(parse("[1,\"a,]\",[2,[3]],{\"x\":{}} , true,null,-1.5e3]"));
    while (json_text_next_element(&elements, &value))
        assert_slice(value, expected[count++]);
    assert_int_equal(count, 7);
    struct json_iterator members = json_text_members(parse("{\"a\":1,\"b\" : [ ] }"));
    assert_true(json_text_next_member(&members, &name, &value));
    assert_slice(name, "\"a\"");
    assert_slice(value, "1");
    assert_true(json_text_next_member(&members, &name, &value));
    assert_slice(value, "[ ]");
    assert_false(json_text_next_member(&members, &name, &value));
    elements = json_text_elements(parse("[]"));
    assert_false(json_text_next_element(&elements, &value));
    members = json_text_members(parse("[1]"));
    assert_false(json_text_next_member(&members, &name, &value));
}

static void decodes_strings(void **state)
{
    (void)state;
    static const char *const refused[] = {"\"\\u0000\"",
                                          "\"\\ud800\"",
                                          "\"\\ud800x\"",
                                          "\"\\ud800\\u0041\"",
                                          "\"\\udc00\"",
                                          "\"\\udc00\\udc00\"",
                                          "1"};
    struct error error;
    char *text = json_text_decode_string(
        parse("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u65E5\\uD83D\\ude42\xc3\xb6\""), &error);
    assert_string_equal(text, "a\"\\/\b\f\n\r\t\xc3\xa9\xe6\x97\xa5\xf0\x9f\x99\x82\xc3\xb6");
    free(text);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_null(json_text_decode_string(parse(refused[i]), &error));
}

static void decodes_integers_of_64_bits_only(void **state)
{
    (void)state;
    static const char *const refused[] = {"1.0",   "1e3", "9223372036854775808", "-9223372036854775809",
                                          "\"1\"", "true"};
    struct error error;
    int64_t number;
    assert_true(json_text_decode_int64(parse("9223372036854775807"), &number, &error));
    assert_int_equal(number, INT64_MAX);
    assert_true(json_text_decode_int64(parse("-9223372036854775808"), &number, &error));
    assert_int_equal(number, INT64_MIN);
    assert_true(json_text_decode_int64(parse("-0"), &number, &error));
    assert_int_equal(number, 0);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(json_text_decode_int64(parse(refused[i]), &number, &error));
}

static void reads_known_fields_and_names_those_at_fault(void **state)
{
    (void)state;
    struct error error;
    struct json_slice object = parse("{\"s\":\"x\",\"n\":7,\"b\":true,\"z\":null,\"e\":\" \"}");
    char *text;
    int64_t number = 5;
    bool truth = false;
    bool present;
    assert_true(json_field_required_string(object, "s", &text, &error));
    assert_string_equal(text, "x");
    free(text);
    assert_true(json_field_string(object, "z", &text, &error));
    assert_null(text);
    assert_true(json_field_int64(object, "z", &number, &present, &error));
    assert_false(present);
    assert_int_equal(number, 5);
    assert_true(json_field_int64(object, "n", &number, &present, &error) && present && number == 7);
    assert_true(json_field_bool(object, "b", &truth, NULL, &error) && truth);
    assert_false(json_field_string(object, "n", &text, &error));
    assert_string_equal(error.text, "n: a string was expected, got a number");
    assert_false(json_field_required_string(object, "e", &text, &error));
    assert_string_equal(error.text, "e is blank");
    assert_false(json_field_required_string(object, "q", &text, &error));
    assert_string_equal(error.text, "q is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_json_that_other_readers_would_change),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(cuts_members_out_byte_for_byte),
        cmocka_unit_test(refuses_a_name_that_occurs_twice),
        cmocka_unit_test(goes_through_elements_and_members_in_order),
        cmocka_unit_test(decodes_strings),
        cmocka_unit_test(decodes_integers_of_64_bits_only),
        cmocka_unit_test(reads_known_fields_and_names_those_at_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
