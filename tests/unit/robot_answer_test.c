/* services/authd/dds/robot_answer.h: what a robot's registration and login bring. The server's clock says
 * 2024-01-02T03:04:05Z. What is said of tokens and expiries alone is in token_answer_test.c. */
#include "services/authd/dds/robot_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t server_unix_ms = INT64_C(1704164645000);

#define ID "\"robot_id\":\"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\","
#define TOKEN "\"access_token\":\"abc\","
#define EXPIRY "\"access_expires_at\":\"2024-01-02T03:05:05Z\""

static bool parse(const char *json, struct token_answer *answer, struct error *error)
{
    return robot_answer_parse(json, strlen(json), server_unix_ms, answer, error);
}

static void reads_the_token_of_a_robot(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "{" ID TOKEN EXPIRY "}",
        "{\"robot_id\":\"6F9619FF-8B86-4D01-B42D-00CF4FC964FF\"," TOKEN EXPIRY ",\"more\":[1]}",
        "{" ID TOKEN "\"access_expires_at\":null,\"expires_at\":\"2024-01-02T03:05:05Z\"}",
        "{\"robot_id\":\"00000000-0000-0000-0000-000000000001\"," TOKEN EXPIRY "}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct error error;
        struct token_answer answer;
        assert_true(parse(answers[i], &answer, &error));
        assert_string_equal(answer.token.bytes, "abc");
        assert_int_equal(answer.life_ms, 60000);
        token_answer_clear(&answer);
    }
}

static void a_missing_or_blank_field_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *named;
    } cases[] = {
        {"", ""},
        {"[]", "object"},
        {"{" TOKEN EXPIRY "}", "robot_id is missing"},
        {"{\"robot_id\":null," TOKEN EXPIRY "}", "robot_id is missing"},
        {"{\"robot_id\":\" \"," TOKEN EXPIRY "}", "robot_id is blank"},
        {"{\"robot_id\":7," TOKEN EXPIRY "}", "robot_id"},
        {"{" ID EXPIRY "}", "access_token is missing"},
        {"{" ID "\"access_token\":\"\"," EXPIRY "}", "access_token is blank"},
        {"{" ID "\"access_token\":\"abc\"}", "access_expires_at is missing"},
        {"{" ID TOKEN "\"access_expires_at\":\" \"}", "access_expires_at"},
        {"{" ID TOKEN "\"access_expires_at\":\"2024-01-02T03:04:05Z\"}",
         "access_expires_at is not in the future"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        struct token_answer answer;
        printf("  case: %s\n", cases[i].json);
        assert_false(parse(cases[i].json, &answer, &error));
        assert_non_null(strstr(error.text, cases[i].named));
        assert_null(answer.token.bytes);
    }
}

static void an_id_that_names_nobody_is_refused_and_not_shown(void **state)
{
    (void)state;
    static const char *const ids[] = {
        "00000000-0000-0000-0000-000000000000",  "6f9619ff-8b86-4d01-b42d-00cf4fc964f",
        "6f9619ff-8b86-4d01-b42d-00cf4fc964ff ", "{6f9619ff-8b86-4d01-b42d-00cf4fc964ff}",
        "6f9619ff8b864d01b42d00cf4fc964ff",      "the-credentials-that-were-sent"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char json[300];
        struct error error;
        struct token_answer answer;
        snprintf(json, sizeof json, "{\"robot_id\":\"%s\"," TOKEN EXPIRY "}", ids[i]);
        assert_false(parse(json, &answer, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_int_equal(strncmp(error.text, "robot_id", 8), 0);
        assert_null(strstr(error.text, ids[i]));
        assert_null(answer.token.bytes);
    }
}

static void an_expiry_that_is_no_time_is_not_shown(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_false(
        parse("{" ID TOKEN "\"access_expires_at\":\"the-credentials-that-were-sent\"}", &answer, &error));
    assert_string_equal(error.text, "access_expires_at: not an RFC 3339 time");
}

static void refuses_a_truncated_answer(void **state)
{
    (void)state;
    static const char json[] = "{" ID TOKEN EXPIRY "}";
    for (size_t length = 0; length < strlen(json); length++) {
        struct error error;
        struct token_answer answer;
        char *cut = strndup(json, length); /* of its own, so that reading on is noticed */
        assert_false(robot_answer_parse(cut, length, server_unix_ms, &answer, &error));
        assert_null(answer.token.bytes);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_token_of_a_robot),
        cmocka_unit_test(a_missing_or_blank_field_is_named),
        cmocka_unit_test(an_id_that_names_nobody_is_refused_and_not_shown),
        cmocka_unit_test(an_expiry_that_is_no_time_is_not_shown),
        cmocka_unit_test(refuses_a_truncated_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
