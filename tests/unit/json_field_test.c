/* libcommon/json/json_field.h, and what it decodes with. */
#include "libcommon/json/json_field.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The slice lives in `text`, which the caller keeps. */
static struct json_slice parse(const char *text)
{
    struct error error;
    struct json_slice value;
    assert_true(json_text_parse(text, strlen(text), &value, &error));
    return value;
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

static void code_points_are_decoded_at_their_bounds(void **state)
{
    (void)state;
    static const char *const strings[][2] = {
        {"\"\\u0001\\u007f\"", "\x01\x7f"},           {"\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80"},
        {"\"\\ud800\\udc00\"", "\xf0\x90\x80\x80"},   {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"},
        {"\"\\ud800\\udc00x\"", "\xf0\x90\x80\x80x"}, {"\"\"", ""}};
    static const char *const refused[] = {"\"\\ud800\\ue000\"", "\"\\ud800\\udbff\"", "\"\\udbff\"",
                                          "\"\\udfff\"",        "\"\\ud800\\n0000\"", "\"\\ud800u0dc00\"",
                                          "\"\\udbff\\u0000\""};
    struct error error;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        char *text = json_text_decode_string(parse(strings[i][0]), &error);
        assert_non_null(text);
        assert_string_equal(text, strings[i][1]);
        free(text);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_null(json_text_decode_string(parse(refused[i]), &error));
        assert_string_equal(error.text, "a string holds U+0000 or half of a surrogate pair");
    }
    assert_null(json_text_decode_string(parse("[]"), &error));
    assert_string_equal(error.text, "a string was expected");
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

static void says_why_a_number_or_truth_is_none(void **state)
{
    (void)state;
    static const char *const numbers[][2] = {{"\"1\"", "an integer was expected"},
                                             {"1.5", "an integer was expected"},
                                             {"-1e2", "an integer was expected"},
                                             {"9223372036854775808", "an integer does not fit 64 bits"},
                                             {"-9223372036854775809", "an integer does not fit 64 bits"},
                                             {"92233720368547758070", "an integer does not fit 64 bits"}};
    struct error error;
    int64_t number = 3;
    bool truth = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_false(json_text_decode_int64(parse(numbers[i][0]), &number, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, numbers[i][1]);
    }
    assert_false(json_text_decode_int64((struct json_slice){NULL, 0}, &number, &error));
    assert_int_equal(number, 3);
    assert_true(json_text_decode_int64(parse("-120"), &number, &error));
    assert_int_equal(number, -120);
    assert_true(json_text_decode_bool(parse("false"), &truth, &error));
    assert_false(truth);
    assert_true(json_text_decode_bool(parse("true"), &truth, &error));
    assert_true(truth);
    assert_false(json_text_decode_bool(parse("1"), &truth, &error));
    assert_string_equal(error.text, "true or false was expected");
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

static void names_the_field_that_has_the_wrong_type(void **state)
{
    (void)state;
    static const char *const values[][2] = {{"null", ""},       {"true", "true or false"},
                                            {"1", "a number"},  {"\"\"", "a string"},
                                            {"[]", "an array"}, {"{}", "an object"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct error error;
        struct json_slice found;
        bool present = true;
        bool truth;
        int64_t number;
        char *text = memory_format("{\"f\":%s}", values[i][0]);
        struct json_slice object = parse(text);
        assert_true(json_text_member(object, "f", &found, &error));
        assert_int_equal(found.text != NULL, i > 0);
        for (size_t type = 1; type < 6; type++) {
            static const enum json_text_type types[] = {JSON_TEXT_NULL,   JSON_TEXT_BOOL,  JSON_TEXT_NUMBER,
                                                        JSON_TEXT_STRING, JSON_TEXT_ARRAY, JSON_TEXT_OBJECT};
            bool fits = i == 0 || i == type;
            assert_int_equal(json_field_of_type(object, "f", types[type], &found, &error), fits);
            if (fits)
                continue;
            char *expected = memory_format("f: %s was expected, got %s", values[type][1], values[i][1]);
            assert_string_equal(error.text, expected);
            free(expected);
        }
        assert_int_equal(json_field_bool(object, "f", &truth, &present, &error), i <= 1);
        assert_int_equal(present, i > 0);
        assert_int_equal(json_field_int64(object, "f", &number, NULL, &error), i == 0 || i == 2);
        free(text);
    }
}

static void a_field_that_cannot_be_decoded_is_named(void **state)
{
    (void)state;
    struct error error;
    struct json_slice object;
    struct json_slice value;
    char *text;
    int64_t number;
    bool truth;
    const char *json = "{\"s\":\"\\u0000\",\"n\":1.5,\"t\":1,\"t\":2}";
    assert_true(json_field_parse_object(json, strlen(json), &object, &error));
    assert_false(json_field_string(object, "s", &text, &error));
    assert_string_equal(error.text, "s: a string holds U+0000 or half of a surrogate pair");
    assert_false(json_field_required_string(object, "s", &text, &error));
    assert_null(text);
    assert_false(json_field_int64(object, "n", &number, NULL, &error));
    assert_string_equal(error.text, "n: an integer was expected");
    assert_false(json_field_bool(object, "t", &truth, NULL, &error));
    assert_string_equal(error.text, "t: the name occurs twice");
    assert_false(json_field_int64(object, "t", &number, NULL, &error));
    assert_false(json_field_string(object, "t", &text, &error));
    assert_false(json_text_member(object, "t", &value, &error));
    assert_false(json_field_parse_object("[]", 2, &object, &error));
    assert_string_equal(error.text, "not a JSON object");
    assert_false(json_field_parse_object("{", 1, &object, &error));
    assert_string_equal(error.text, "not JSON: a string was expected at byte 1");
}

static void half_a_surrogate_pair_becomes_a_replacement_character(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"\"\\ud800\"", "\"\\ufffd\""},
        {"\"\\uDFFFx\"", "\"\\ufffdx\""},
        {"\"\\ud83d\\ude00\\ud83d\"", "\"\\ud83d\\ude00\\ufffd\""},
        {"\"\\ud800\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\""},
        {"\"\\ud800\\n\\udc00\"", "\"\\ufffd\\n\\ufffd\""},
        {"\"\\\\ud800\"", "\"\\\\ud800\""},
        {"\"\\u0000\\ud7ff\\ue000\\uffff\"", "\"\\u0000\\ud7ff\\ue000\\uffff\""},
        {"[\"\\ud800\", {\"\\udbff\": 1}]", "[\"\\ufffd\", {\"\\ufffd\": 1}]"},
        {"[1, \"none\"]", "[1, \"none\"]"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = memory_copy_text(texts[i][0]);
        json_text_replace_lone_surrogates(text);
        assert_string_equal(text, texts[i][1]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_strings),
        cmocka_unit_test(code_points_are_decoded_at_their_bounds),
        cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement_character),
        cmocka_unit_test(decodes_integers_of_64_bits_only),
        cmocka_unit_test(says_why_a_number_or_truth_is_none),
        cmocka_unit_test(reads_known_fields_and_names_those_at_fault),
        cmocka_unit_test(names_the_field_that_has_the_wrong_type),
        cmocka_unit_test(a_field_that_cannot_be_decoded_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
