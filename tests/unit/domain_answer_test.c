#include "services/stored/domain/domain_answer.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_response answer(const char *body)
{
    return (struct http_response){.status = 200, .body = body, .body_bytes = strlen(body)};
}

static void finds_only_an_exact_match(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    struct http_response response = answer("{\"data\":[{\"id\":\"1\",\"name\":\"a\",\"data_type\":\"ply\"},"
                                           "{\"id\":\"2\",\"name\":\"ab\",\"data_type\":\"json\"},"
                                           "{\"id\":\"3\",\"name\":\"a\",\"data_type\":\"json\"}]}");
    assert_true(domain_answer_find(&response, "a", "json", &id, &error));
    assert_string_equal(id, "3");
    free(id);
    assert_true(domain_answer_find(&response, "b", "json", &id, &error));
    assert_null(id);
}

static void takes_an_answer_without_entries_as_nothing_there(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    const char *const bodies[] = {"{}", "{\"data\":null}", "{\"data\":[]}", "{\"data\":[null, 1, {}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = answer(bodies[i]);
        assert_true(domain_answer_find(&response, "a", "json", &id, &error));
        assert_null(id);
    }
}

static void reads_the_id_in_both_shapes(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    const char *const bodies[] = {"{\"id\":\"x\",\"name\":5}", "{\"data\":[{\"id\":\"x\"}]}",
                                  "{\"id\":null,\"data\":[{\"id\":\"x\"}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = answer(bodies[i]);
        assert_true(domain_answer_id(&response, &id, &error));
        assert_string_equal(id, "x");
        free(id);
    }
}

static void takes_a_blank_id_as_none(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    struct http_response response = answer("{\"id\":\" \\t\",\"data\":[{\"id\":\"x\"}]}");
    assert_true(domain_answer_id(&response, &id, &error));
    assert_string_equal(id, "x");
    free(id);
    response = answer("{\"data\":[{\"id\":\" \",\"name\":\"a\",\"data_type\":\"json\"}]}");
    assert_true(domain_answer_find(&response, "a", "json", &id, &error));
    assert_null(id);
}

static void refuses_an_id_that_is_too_long(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    char *body = memory_format("{\"id\":\"%0*d\"}", DOMAIN_ANSWER_ID_BYTES + 1, 0);
    struct http_response response = answer(body);
    assert_false(domain_answer_id(&response, &id, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_null(id);
    free(body);
}

static void needs_both_fields_of_a_begun_upload(void **state)
{
    (void)state;
    struct error error;
    char *upload_id = NULL;
    int64_t part_size = 0;
    struct http_response response = answer("{\"upload_id\":\"u\",\"part_size\":5,\"more\":1}");
    assert_true(domain_answer_upload(&response, &upload_id, &part_size, &error));
    assert_string_equal(upload_id, "u");
    assert_int_equal(part_size, 5);
    free(upload_id);
    response = answer("{\"upload_id\":\" \",\"part_size\":5}");
    assert_false(domain_answer_upload(&response, &upload_id, &part_size, &error));
    assert_null(upload_id);
    response = answer("{\"upload_id\":\"u\"}");
    assert_false(domain_answer_upload(&response, &upload_id, &part_size, &error));
    assert_string_equal(upload_id, "u");
    free(upload_id);
}

static void refuses_a_part_without_an_etag(void **state)
{
    (void)state;
    struct error error;
    char *etag = NULL;
    const char *const bodies[] = {
        "{}", "{\"etag\":\"\"}", "{\"etag\":1}", "nonsense", "nul {", "\xff", "{\"etag\"}", "[", "{]", ""};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = answer(bodies[i]);
        assert_false(domain_answer_etag(&response, &etag, &error));
        assert_null(etag);
    }
}

static void gives_an_etag_as_the_value_of_its_json_string(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *etag;
    } cases[] = {
        {"\"\\\"abc\\\"\"", "\"abc\""},
        {"\"W/\\u0022x\\u0022\"", "W/\"x\""},
        {"\"\\\\ \\/ \\b\\f\\n\\r\\t\\u0001\"", "\\ / \b\f\n\r\t\x01"},
        {"\"\\u00e9\\u2028\\ud83d\\ude00\"", "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"},
        {"\"\xc3\xa9\x7f%22&#;\"", "\xc3\xa9\x7f%22&#;"},
        {"\" \\\" \"", " \" "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        char *etag = NULL;
        char *body = memory_format("{\"etag\": %s}", cases[i].json);
        struct http_response response = answer(body);
        assert_true(domain_answer_etag(&response, &etag, &error));
        assert_string_equal(etag, cases[i].etag);
        free(etag);
        free(body);
    }
}

static void calls_an_answer_cut_short_a_network_error(void **state)
{
    (void)state;
    static const char body[] =
        " {\"more\": [true, false, null, -1.5e+3, \"\\u00e9\\\"\\\\\xf0\x9f\x98\x80\"], \"etag\" : \"a\"}";
    struct error error;
    char *etag = NULL;
    struct http_response whole = answer(body);
    assert_true(domain_answer_etag(&whole, &etag, &error));
    free(etag);
    for (size_t length = 0; length < strlen(body); length++) {
        char *cut = memory_copy_bytes(body, length);
        struct http_response response = answer(cut);
        assert_false(domain_answer_etag(&response, &etag, &error));
        /* Nothing at all may be what was meant. */
        assert_int_equal(error.code, length < 2 ? ERROR_INVALID : ERROR_NETWORK);
        free(cut);
    }
}

/* A NUL would cut the text, and the others are no JSON: what was meant is not known. */
static void refuses_texts_that_cannot_be_given_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\"\\x41\"",
        "\"\\u00g0\"",
        "\"\\\"",
        "\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        char *text = NULL;
        int64_t part_size = 0;
        char *body = memory_format("{\"etag\": %s, \"id\": %s, \"upload_id\": %s, \"part_size\": 1}",
                                   texts[i], texts[i], texts[i]);
        struct http_response response = answer(body);
        assert_false(domain_answer_etag(&response, &text, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(text);
        assert_false(domain_answer_id(&response, &text, &error));
        assert_null(text);
        assert_false(domain_answer_upload(&response, &text, &part_size, &error));
        assert_null(text);
        free(body);
    }
}

static void reads_a_part_size_only_where_it_is_an_integer(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool read;
        int64_t part_size;
    } cases[] = {
        /* Whether it may be 0 or less is multipart_plan.h's. */
        {"0", true, 0},
        {"-1", true, -1},
        {"-9223372036854775808", true, INT64_MIN},
        {"1000000000000000000", true, 1000000000000000000},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1e18", false, 0},
        {"5.0", false, 0},
        {"05", false, 0},
        {"\"5\"", false, 0},
        {"null", false, 0},
        {"true", false, 0},
        {"[5]", false, 0},
        {"{}", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        char *upload_id = NULL;
        int64_t part_size = 0;
        char *body = memory_format("{\"part_size\": %s, \"upload_id\": \"u\"}", cases[i].json);
        struct http_response response = answer(body);
        bool read = domain_answer_upload(&response, &upload_id, &part_size, &error);
        assert_int_equal(read, cases[i].read);
        if (read)
            assert_int_equal(part_size, cases[i].part_size);
        else
            assert_int_equal(error.code, ERROR_INVALID);
        free(upload_id);
        free(body);
    }
}

static void refuses_values_above_their_limits(void **state)
{
    (void)state;
    struct error error;
    char *text = NULL;
    int64_t part_size = 0;
    char *body = memory_format("{\"etag\": \"%0257d\", \"upload_id\": \"%01025d\", \"part_size\": 1}", 0, 0);
    struct http_response response = answer(body);
    assert_false(domain_answer_etag(&response, &text, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_null(text);
    /* The upload's id stays, so that the upload can be ended. */
    assert_false(domain_answer_upload(&response, &text, &part_size, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_int_equal(strlen(text), 1025);
    free(text);
    free(body);
}

static void ids_and_etags_of_their_longest_are_taken(void **state)
{
    (void)state;
    struct error error;
    char *text = NULL;
    int64_t part_size = 0;
    char *body = memory_format(
        "{\"etag\": \"%0256d\", \"upload_id\": \"%01024d\", \"part_size\": 1, \"id\": \"%0256d\"}", 0, 0, 0);
    struct http_response response = answer(body);
    assert_true(domain_answer_etag(&response, &text, &error));
    assert_int_equal(strlen(text), 256);
    free(text);
    assert_true(domain_answer_id(&response, &text, &error));
    assert_int_equal(strlen(text), 256);
    free(text);
    assert_true(domain_answer_upload(&response, &text, &part_size, &error));
    assert_int_equal(strlen(text), 1024);
    free(text);
    free(body);
}

static void says_what_is_wrong_with_an_answer(void **state)
{
    (void)state;
    struct error error;
    char *text = NULL;
    int64_t part_size = 0;
    struct http_response response = answer("nonsense");
    assert_false(domain_answer_id(&response, &text, &error));
    assert_string_equal(error.text, "the domain server's answer: not JSON: a value was expected at byte 0");
    response = answer("{\"upload_id\":\"u\"}");
    assert_false(domain_answer_upload(&response, &text, &part_size, &error));
    assert_string_equal(error.text, "the answer has no part_size");
    free(text);
    static const struct {
        const char *field;
        int characters;
        const char *expected;
    } long_ones[] = {{"id", 257, "id has more than 256 bytes"},
                     {"etag", 257, "etag has more than 256 bytes"},
                     {"upload_id", 1025, "upload_id has more than 1024 bytes"}};
    for (size_t i = 0; i < 3; i++) {
        char *body = memory_format("{\"%s\":\"%0*d\"}", long_ones[i].field, long_ones[i].characters, 0);
        response = answer(body);
        bool read = i == 0   ? domain_answer_id(&response, &text, &error)
                    : i == 1 ? domain_answer_etag(&response, &text, &error)
                             : domain_answer_upload(&response, &text, &part_size, &error);
        assert_false(read);
        assert_int_equal(error.code, ERROR_TOO_LARGE);
        assert_string_equal(error.text, long_ones[i].expected);
        free(text);
        free(body);
    }
}

static void an_entry_needs_both_name_and_type_to_match(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    static const char *const bodies[] = {"{\"data\":[{\"id\":\"1\",\"name\":\"a\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"data_type\":\"json\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"b\",\"data_type\":\"json\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"a\",\"data_type\":\"ply\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"a\",\"data_type\":\"csv\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"a\",\"data_type\":\"jso\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"\",\"data_type\":\"json\"}]}",
                                         "{\"data\":[{\"id\":\"1\",\"name\":\"A\",\"data_type\":\"json\"}]}",
                                         "{\"data\":[{\"name\":\"a\",\"data_type\":\"json\"}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = answer(bodies[i]);
        assert_true(domain_answer_find(&response, "a", "json", &id, &error));
        assert_null(id);
    }
    /* The first of two that match counts, and one without an id does not. */
    struct http_response two = answer("{\"data\":[{\"name\":\"a\",\"data_type\":\"json\"},{\"id\":\"1\","
                                      "\"name\":\"a\",\"data_type\":\"json\"},"
                                      "{\"id\":\"2\",\"name\":\"a\",\"data_type\":\"json\"}]}");
    assert_true(domain_answer_find(&two, "a", "json", &id, &error));
    assert_string_equal(id, "1");
    free(id);
    static const char *const bad[] = {"{\"data\":{}}",
                                      "{\"data\":[{\"id\":\"1\",\"name\":1,\"data_type\":\"json\"}]}",
                                      "{\"data\":[{\"id\":\"1\",\"name\":\"a\",\"data_type\":2}]}",
                                      "{\"data\":[{\"id\":3,\"name\":\"a\",\"data_type\":\"json\"}]}", "[]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_response response = answer(bad[i]);
        assert_false(domain_answer_find(&response, "a", "json", &id, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(id);
    }
}

static void an_answer_without_an_id_has_none(void **state)
{
    (void)state;
    struct error error;
    char *id = NULL;
    static const char *const none[] = {"{}", "{\"data\":[]}", "{\"data\":[1]}", "{\"data\":[{}]}",
                                       "{\"id\":null,\"data\":null}"};
    static const char *const bad[] = {"{\"id\":1}", "{\"data\":1}", "{\"data\":[{\"id\":1}]}"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct http_response response = answer(none[i]);
        assert_true(domain_answer_id(&response, &id, &error));
        assert_null(id);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_response response = answer(bad[i]);
        assert_false(domain_answer_id(&response, &id, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_only_an_exact_match),
        cmocka_unit_test(takes_an_answer_without_entries_as_nothing_there),
        cmocka_unit_test(reads_the_id_in_both_shapes),
        cmocka_unit_test(takes_a_blank_id_as_none),
        cmocka_unit_test(refuses_an_id_that_is_too_long),
        cmocka_unit_test(needs_both_fields_of_a_begun_upload),
        cmocka_unit_test(refuses_a_part_without_an_etag),
        cmocka_unit_test(gives_an_etag_as_the_value_of_its_json_string),
        cmocka_unit_test(calls_an_answer_cut_short_a_network_error),
        cmocka_unit_test(refuses_texts_that_cannot_be_given_back),
        cmocka_unit_test(reads_a_part_size_only_where_it_is_an_integer),
        cmocka_unit_test(refuses_values_above_their_limits),
        cmocka_unit_test(ids_and_etags_of_their_longest_are_taken),
        cmocka_unit_test(says_what_is_wrong_with_an_answer),
        cmocka_unit_test(an_entry_needs_both_name_and_type_to_match),
        cmocka_unit_test(an_answer_without_an_id_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
