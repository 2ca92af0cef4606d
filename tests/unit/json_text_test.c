#include "libcommon/json/json_text.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

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
    bool valid = json_text_parse(copy, length, NULL, &error);
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

static void says_what_is_wrong_and_at_which_byte(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", "it ends too early at byte 0"},
                                           {" \t\r\n", "it ends too early at byte 4"},
                                           {"[1,", "it ends too early at byte 3"},
                                           {"{\"a\"}", "a colon was expected at byte 4"},
                                           {"{1:2}", "a string was expected at byte 1"},
                                           {"{\"a\":1 \"b\"}", "a comma or } was expected at byte 7"},
                                           {"[1 2]", "a comma or ] was expected at byte 3"},
                                           {"[+1]", "a value was expected at byte 1"},
                                           {"[trie]", "a value was expected at byte 1"},
                                           {"[1.]", "a digit was expected at byte 3"},
                                           {"[1e]", "a digit was expected at byte 3"},
                                           {"[1e-]", "a digit was expected at byte 4"},
                                           {"-x", "a digit was expected at byte 1"},
                                           {"\"a\\x\"", "an escape is not known at byte 4"},
                                           {"\"\\u12g4\"", "\\u needs four digits at byte 3"},
                                           {"\"a", "a string does not end at byte 2"},
                                           {"\"a\\", "a string does not end at byte 3"},
                                           {"\"\x1f\"", "a control character stands in a string at byte 1"},
                                           {"\"\xff\"", "a string is not valid UTF-8 at byte 1"},
                                           {"1 1", "something follows the value at byte 2"},
                                           {"01", "something follows the value at byte 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        char *expected = memory_format("not JSON: %s", cases[i][1]);
        assert_false(json_text_parse(cases[i][0], strlen(cases[i][0]), NULL, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, expected);
        free(expected);
    }
}

static bool is_cut(const char *text, size_t length)
{
    char *copy = memory_copy_bytes(text, length);
    char *exact = realloc(copy, length ? length : 1);
    bool cut = json_text_is_cut(exact, length);
    free(exact);
    return cut;
}

static void the_beginning_of_a_value_is_told_from_what_is_no_json(void **state)
{
    (void)state;
    static const char whole[] =
        " {\"k\\u00e9y\": [true, false, null, -1.5e+3, \"\\\"\xc3\xb6\xf0\x9f\x99\x82\"], \"o\": {}}";
    for (size_t length = 0; length < sizeof whole; length++)
        assert_int_equal(is_cut(whole, length), length > 1 && length < sizeof whole - 1);
    static const char *const others[] = {"",           " \n",
                                         "1",          "x",
                                         "[1,x",       "tree",

                                         "\"\xff____", "\"\xf0\x9f\x99\x82\xff_",
                                         "[1}",        "{\"a\" 1",
                                         "1 1",        "\"\\uzzzz",
                                         "nul1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(is_cut(others[i], strlen(others[i])));
    static const char *const cut[] = {
        "-", "1.", "1e", "1e+", "[", "{\"a\":", "\"", "\"\\", "\"\\u00", "\"\xf0\x9f\x99", "t", "nul"};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++)
        assert_true(is_cut(cut[i], strlen(cut[i])));
}

/* docs/security.md counts on a bound: what comes from outside is read by recursion. */
static void sixty_four_levels_are_the_deepest_of_arrays_and_objects(void **state)
{
    (void)state;
    assert_true(nested_is_valid(64));
    assert_false(nested_is_valid(65));
    for (size_t depth = 64; depth <= 65; depth++) {
        struct error error;
        char *text = memory_allocate(6 * depth + 2);
        char *end = text;
        for (size_t i = 0; i < depth; i++)
            end = stpcpy(end, "{\"a\":");
        *end = '1';
        memset(text + 5 * depth + 1, '}', depth);
        assert_int_equal(json_text_parse(text, 6 * depth + 1, NULL, &error), depth == 64);
        if (depth > 64)
            assert_non_null(strstr(error.text, "it is nested too deeply"));
        free(text);
    }
}

static void every_value_has_its_type(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum json_text_type type;
    } values[] = {{"{}", JSON_TEXT_OBJECT}, {"[]", JSON_TEXT_ARRAY},   {"\"\"", JSON_TEXT_STRING},
                  {"true", JSON_TEXT_BOOL}, {"false", JSON_TEXT_BOOL}, {"null", JSON_TEXT_NULL},
                  {"0", JSON_TEXT_NUMBER},  {"-1", JSON_TEXT_NUMBER}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct json_slice value = parse(values[i].text);
        assert_int_equal(json_text_type(value), values[i].type);
        assert_slice(value, values[i].text);
    }
    assert_int_equal(json_text_type((struct json_slice){NULL, 5}), JSON_TEXT_NONE);
    assert_int_equal(json_text_type((struct json_slice){"{}", 0}), JSON_TEXT_NONE);
    assert_null(json_text_copy((struct json_slice){NULL, 0}));
}

static void a_name_is_found_only_as_a_whole(void **state)
{
    (void)state;
    struct error error;
    struct json_slice value;
    struct json_slice object = parse("{\"ab\":1,\"b\":2,\"a\\u0062c\":3,\"\\ud800\":4,\"\":5}");
    assert_true(json_text_member(object, "a", &value, &error));
    assert_null(value.text);
    assert_true(json_text_member(object, "abc", &value, &error));
    assert_slice(value, "3");
    assert_true(json_text_member(object, "", &value, &error));
    assert_slice(value, "5");
    assert_true(json_text_member(object, "abcd", &value, &error));
    assert_null(value.text);
}

static void strings_inside_values_end_where_they_end(void **state)
{
    (void)state;
    static const char *const expected[] = {"\"\\\\\"", "{\"a]\":\"\\\"}\"}", "[\"[\"]", "\"\\\"\"",
                                           "[[{\"k\":[]}],2]"};
    struct json_slice value;
    size_t count = 0;
    struct json_iterator elements =
        json_text_elements(parse("[\"\\\\\",{\"a]\":\"\\\"}\"},\t[\"[\"]\r,\n\"\\\"\" ,[[{\"k\":[]}],2]]"));
    while (json_text_next_element(&elements, &value))
        assert_slice(value, expected[count++]);
    assert_int_equal(count, 5);
    struct json_iterator none = json_text_elements(parse("{\"a\":1}"));
    assert_false(json_text_next_element(&none, &value));
}

/* What was not checked before tells nothing, and keeps nobody for ever. */
static void going_through_what_is_no_json_comes_to_an_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"[}]",    "[1,]]",     "[[}]",  "[\"]",
                                        "[\"\\]", "{\"a\":}}", "{]:1}", "{\"a\"]}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct json_slice text = {texts[i], strlen(texts[i])};
        struct json_slice name;
        struct json_slice value;
        size_t count = 0;
        struct json_iterator elements = json_text_elements(text);
        while (json_text_next_element(&elements, &value))
            assert_true(++count < text.length);
        struct json_iterator members = json_text_members(text);
        while (json_text_next_member(&members, &name, &value))
            assert_true(++count < text.length);
    }
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
        cmocka_unit_test(says_what_is_wrong_and_at_which_byte),
        cmocka_unit_test(the_beginning_of_a_value_is_told_from_what_is_no_json),
        cmocka_unit_test(sixty_four_levels_are_the_deepest_of_arrays_and_objects),
        cmocka_unit_test(every_value_has_its_type),
        cmocka_unit_test(a_name_is_found_only_as_a_whole),
        cmocka_unit_test(strings_inside_values_end_where_they_end),
        cmocka_unit_test(going_through_what_is_no_json_comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
