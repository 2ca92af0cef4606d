#include "services/authd/dds/siwe.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* A nonce answer in which one member is replaced by `member` ("\"uri\":7"), or left out when it is "". */
static void answer_with(const char *name, const char *member, char *json, size_t capacity)
{
    static const char *const members[][2] = {
        {"nonce", "\"nonce\":\"a\""},     {"domain", "\"domain\":\"d\""}, {"uri", "\"uri\":\"u\""},
        {"version", "\"version\":\"1\""}, {"chainId", "\"chainId\":1"},   {"issuedAt", "\"issuedAt\":\"t\""}};
    size_t length = 0;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = strcmp(members[i][0], name) == 0 ? member : members[i][1];
        if (*text)
            length += (size_t)snprintf(json + length, capacity - length, "%c%s", length ? ',' : '{', text);
        assert_true(length < capacity);
    }
    snprintf(json + length, capacity - length, "}");
}

static const char *const text_fields[] = {"nonce", "domain", "uri", "version", "issuedAt"};
enum { TEXT_FIELDS = sizeof text_fields / sizeof text_fields[0] };

/* The error begins with the field's name, and nothing of the answer is kept. */
static void assert_names(const char *json, const char *name)
{
    struct siwe_fields fields;
    struct error error;
    printf("  case: %s\n", json);
    assert_false(parse(json, &fields, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, name));
    assert_null(fields.nonce);
    assert_null(fields.issued_at);
}

static void refuses_every_control_character_in_every_field(void **state)
{
    (void)state;
    static const unsigned others[] = {0x7f, 0x80, 0x85, 0x9b, 0x9f, 0x2028, 0x2029};
    char member[64];
    char json[512];
    for (size_t field = 0; field < TEXT_FIELDS; field++) {
        for (unsigned i = 0; i < 0x20 + sizeof others / sizeof others[0]; i++) {
            unsigned code_point = i < 0x20 ? i : others[i - 0x20];
            snprintf(member, sizeof member, "\"%s\":\"x\\u%04xy\"", text_fields[field], code_point);
            answer_with(text_fields[field], member, json, sizeof json);
            assert_names(json, text_fields[field]);
        }
    }
}

static void refuses_every_other_type_in_every_field(void **state)
{
    (void)state;
    static const char *const values[] = {"7", "true", "[\"x\"]", "{\"x\":\"x\"}", "\"\"", "\" \"", "null"};
    char member[64];
    char json[512];
    for (size_t field = 0; field < TEXT_FIELDS; field++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            snprintf(member, sizeof member, "\"%s\":%s", text_fields[field], values[i]);
            answer_with(text_fields[field], member, json, sizeof json);
            assert_names(json, text_fields[field]);
        }
        answer_with(text_fields[field], "", json, sizeof json);
        assert_names(json, text_fields[field]);
    }
}

static void refuses_a_chain_id_that_is_no_number_of_64_bits(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"1\"", "1.0", "1e3", "true", "[1]", "{}", "null", "-1", "9223372036854775808", "1E400"};
    char member[64];
    char json[512];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(member, sizeof member, "\"chainId\":%s", values[i]);
        answer_with("chainId", member, json, sizeof json);
        assert_names(json, "chainId");
    }
    answer_with("chainId", "", json, sizeof json);
    assert_names(json, "chainId is missing");
}

/* Cut anywhere, an answer is refused; and so is one with something behind it. */
static void refuses_a_truncated_answer(void **state)
{
    (void)state;
    char json[512];
    answer_with("", "", json, sizeof json);
    for (size_t length = 0; length < strlen(json); length++) {
        struct siwe_fields fields;
        struct error error;
        char *cut = strndup(json, length); /* of its own, so that reading on is noticed */
        assert_false(siwe_fields_parse(cut, length, &fields, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_true(*error.text);
        free(cut);
    }
    size_t whole = strlen(json);
    snprintf(json + whole, sizeof json - whole, "}");
    assert_names(json, "");
}

static void refuses_every_format_character_in_every_field(void **state)
{
    (void)state;
    static const char *const characters[] = {"\\u00ad", "\\u061c",        "\\u180e",        "\\u200b",
                                             "\\u200d", "\\u200e",        "\\u202a",        "\\u202e",
                                             "\\u2060", "\\u2066",        "\\u2069",        "\\ufeff",
                                             "\\ufff9", "\\ud804\\udcbd", "\\udb40\\udc01", "\\udb40\\udc7f"};
    char member[64];
    char json[512];
    for (size_t field = 0; field < TEXT_FIELDS; field++) {
        for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
            snprintf(member, sizeof member, "\"%s\":\"x%sy\"", text_fields[field], characters[i]);
            answer_with(text_fields[field], member, json, sizeof json);
            assert_names(json, text_fields[field]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(composes_and_refuses_every_golden_answer),
        cmocka_unit_test(refuses_other_shapes),
        cmocka_unit_test(ignores_unknown_fields),
        cmocka_unit_test(refuses_every_control_character_in_every_field),
        cmocka_unit_test(refuses_every_other_type_in_every_field),
        cmocka_unit_test(refuses_a_chain_id_that_is_no_number_of_64_bits),
        cmocka_unit_test(refuses_a_truncated_answer),
        cmocka_unit_test(refuses_every_format_character_in_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
