#include "services/authd/siwe.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *json, struct siwe_fields *fields, struct error *error)
{
    return siwe_fields_parse(json, strlen(json), fields, error);
}

static bool parse_vector(const json_t *vector, size_t flags, struct siwe_fields *fields, struct error *error)
{
    char *json = json_dumps(json_object_get(vector, "meta"), flags);
    assert_non_null(json);
    bool parsed = parse(json, fields, error);
    free(json);
    return parsed;
}

static void compose(const json_t *vector, const struct siwe_fields *fields)
{
    const char *resources[64];
    const json_t *list = json_object_get(vector, "resources");
    size_t count = json_array_size(list);
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++)
        resources[i] = json_string_value(json_array_get(list, i));
    char *message =
        siwe_compose_message(fields, vectors_text(vector, "address"), count ? resources : NULL, count);
    assert_string_equal(message, vectors_text(vector, "message"));
    free(message);
}

static void composes_and_refuses_every_golden_answer(void **state)
{
    (void)state;
    /* With JSON_ENSURE_ASCII the same characters come as \u escapes, surrogate pairs among them. */
    static const size_t flags[] = {0, JSON_ENSURE_ASCII, JSON_INDENT(2)};
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("siwe.json");
    json_array_foreach(cases, index, vector)
    {
        struct siwe_fields fields;
        struct error error;
        vectors_announce(vector);
        for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
            bool parsed = parse_vector(vector, flags[i], &fields, &error);
            assert_int_equal(parsed, json_is_true(json_object_get(vector, "valid")));
            if (parsed) {
                compose(vector, &fields);
            } else {
                const char *field = vectors_text(vector, "field");
                assert_int_equal(strncmp(error.text, field, strlen(field)), 0);
                assert_null(fields.nonce);
            }
            siwe_fields_clear(&fields);
        }
    }
    json_decref(cases);
}

static void refuses_other_shapes(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "null",
        "{",
        "{\"nonce\":1}",
        "{\"nonce\":\"a\",\"nonce\":\"b\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\"1\",\"chainId\":1,"
        "\"issuedAt\":\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\"1\",\"chainId\":\"1\",\"issuedAt\":"
        "\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\"1\",\"chainId\":-1,\"issuedAt\":"
        "\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\"1\",\"chainId\":1e2,\"issuedAt\":"
        "\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\" \",\"chainId\":1,\"issuedAt\":\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\\u2028x\",\"uri\":\"u\",\"version\":\"1\",\"chainId\":1,"
        "\"issuedAt\":\"t\"}",
        "{\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"\\u2029\",\"version\":\"1\",\"chainId\":1,\"issuedAt\":"
        "\"t\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct siwe_fields fields;
        struct error error;
        assert_false(parse(texts[i], &fields, &error));
        assert_int_equal(error.code, ERROR_INVALID);
    }
}

static void ignores_unknown_fields(void **state)
{
    (void)state;
    struct siwe_fields fields;
    struct error error;
    assert_true(parse("{\"x\":{\"nonce\":1},\"nonce\":\"a\",\"domain\":\"d\",\"uri\":\"u\",\"version\":\"1\","
                      "\"chainId\":1,\"issuedAt\":\"t\",\"y\":[\"\\u0000\"]}",
                      &fields, &error));
    assert_string_equal(fields.nonce, "a");
    siwe_fields_clear(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composes_and_refuses_every_golden_answer),
        cmocka_unit_test(refuses_other_shapes),
        cmocka_unit_test(ignores_unknown_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
