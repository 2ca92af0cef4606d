/* services/authd/dds/token_answer.h: the answer that brings a token. The server's clock says
 * 2024-01-02T03:04:05Z. */
#include "services/authd/dds/token_answer.h"

#include "libcommon/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR_MS = 3600 * 1000 };

static const int64_t server_unix_ms = INT64_C(1704164645000);

static bool parse(const char *json, struct token_answer *answer, struct error *error)
{
    return token_answer_parse(json, strlen(json), server_unix_ms, answer, error);
}

static void reads_a_token_and_its_life(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":\"2024-01-02T04:04:05+01:00\","
                      "\"expires_at\":\"nonsense\",\"more\":[1]}",
                      &answer, &error) == false);
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":\"2024-01-02T04:04:06.5+01:00\","
                      "\"expires_at\":\"nonsense\",\"more\":[1]}",
                      &answer, &error));
    assert_string_equal(answer.token.bytes, "abc");
    assert_int_equal(answer.life_ms, 1500);
    token_answer_clear(&answer);
    assert_true(parse("{\"access_token\":\"abc\",\"access_expires_at\":null,"
                      "\"expires_at\":\"2024-01-02T03:05:05Z\"}",
                      &answer, &error));
    assert_int_equal(answer.life_ms, 60000);
    token_answer_clear(&answer);
}

static void a_token_for_ever_is_believed_for_ten_years(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_true(parse("{\"access_token\":\"abc\",\"expires_at\":\"9999-12-31T23:59:59Z\"}", &answer, &error));
    assert_int_equal(answer.life_ms, INT64_C(10) * 366 * 24 * HOUR_MS);
    token_answer_clear(&answer);
}

static void refuses_bad_answers_and_names_the_field(void **state)
{
    (void)state;
    const struct {
        const char *json;
        const char *named;
    } cases[] = {
        {"", ""},
        {"token", ""},
        {"[]", "object"},
        {"{\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\" \",\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":17,\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\"a\\r\\nX: y\",\"expires_at\":\"2025-01-01T00:00:00Z\"}", "access_token"},
        {"{\"access_token\":\"a\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":1735689600}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":\"tomorrow\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"expires_at\":\"2024-01-02T03:04:05Z\"}", "expires_at"},
        {"{\"access_token\":\"a\",\"access_expires_at\":\"1600-01-01T00:00:00Z\","
         "\"expires_at\":\"2025-01-01T00:00:00Z\"}",
         "access_expires_at"},
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

static void refuses_every_expiry_that_is_not_in_the_future(void **state)
{
    (void)state;
    static const char *const expiries[] = {
        "2024-01-02T03:04:05Z",        "2024-01-02T03:04:05.000999Z",
        "2024-01-02T04:04:05+01:00",   "0000-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",        "10000-01-01T00:00:00Z",
        "99999-12-31T23:59:59Z",       "+12024-01-02T03:04:05Z",
        "2024-13-02T03:04:06Z",        "2024-01-02 03:05:05Z",
        "2024-01-02T03:05:05",         "2024-01-02T03:05:60Z",
        "2024-01-02T03:05:05Z\\u0000", "",
        "2024-01-02T03:05:05Z\\n",     "9999-12-31T23:59:59.999999999",
    };
    static const char *const names[] = {"access_expires_at", "expires_at"};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        for (size_t name = 0; name < 2; name++) {
            char json[200];
            struct error error;
            struct token_answer answer;
            snprintf(json, sizeof json, "{\"access_token\":\"a\",\"%s\":\"%s\"}", names[name], expiries[i]);
            printf("  case: %s\n", json);
            assert_false(parse(json, &answer, &error));
            assert_int_equal(error.code, ERROR_INVALID);
            assert_int_equal(strncmp(error.text, names[name], strlen(names[name])), 0);
            assert_null(answer.token.bytes);
        }
    }
}

static void an_expiry_beyond_64_bits_of_nanoseconds_is_far_but_bounded(void **state)
{
    (void)state;
    static const char *const expiries[] = {"2262-04-11T23:47:16.854775807Z", "2262-04-12T00:00:00Z",
                                           "9999-12-31T23:59:59.999999999-23:59"};
    for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++) {
        char json[200];
        struct error error;
        struct token_answer answer;
        snprintf(json, sizeof json, "{\"access_token\":\"a\",\"expires_at\":\"%s\"}", expiries[i]);
        assert_true(parse(json, &answer, &error));
        assert_int_equal(answer.life_ms, INT64_C(10) * 366 * 24 * HOUR_MS);
        token_answer_clear(&answer);
    }
}

static void a_token_longer_than_the_limit_is_refused(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        static char json[LIMIT_TOKEN_BYTES + 200];
        struct error error;
        struct token_answer answer;
        int length =
            snprintf(json, sizeof json, "{\"expires_at\":\"2025-01-01T00:00:00Z\",\"access_token\":\"");
        memset(json + length, 'x', LIMIT_TOKEN_BYTES + more);
        snprintf(json + length + LIMIT_TOKEN_BYTES + more, 3, "\"}");
        assert_int_equal(parse(json, &answer, &error), more == 0);
        if (more) {
            assert_int_equal(error.code, ERROR_TOO_LARGE);
            assert_int_equal(strncmp(error.text, "access_token", 12), 0);
        }
        token_answer_clear(&answer);
    }
}

static void a_token_that_no_header_can_carry_is_refused(void **state)
{
    (void)state;
    static const char *const tokens[] = {"a b",     "\\u0000", "a\\u0000", "\\u007f",
                                         "\\u00e4", "a\\tb",   "\\u2028"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        char json[200];
        struct error error;
        struct token_answer answer;
        snprintf(json, sizeof json, "{\"access_token\":\"%s\",\"expires_at\":\"2025-01-01T00:00:00Z\"}",
                 tokens[i]);
        printf("  case: %s\n", json);
        assert_false(parse(json, &answer, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_int_equal(strncmp(error.text, "access_token", 12), 0);
    }
}

static void refuses_a_truncated_answer(void **state)
{
    (void)state;
    const char json[] = "{\"access_token\":\"abc\",\"access_expires_at\":\"2025-01-01T00:00:00Z\"}";
    for (size_t length = 0; length < strlen(json); length++) {
        struct error error;
        struct token_answer answer;
        char *cut = strndup(json, length); /* of its own, so that reading on is noticed */
        assert_false(token_answer_parse(cut, length, server_unix_ms, &answer, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(answer.token.bytes);
        free(cut);
    }
}

static void a_token_of_one_millisecond_is_one(void **state)
{
    (void)state;
    struct error error;
    struct token_answer answer;
    assert_true(
        parse("{\"access_token\":\"a\",\"expires_at\":\"2024-01-02T03:04:05.001Z\"}", &answer, &error));
    assert_int_equal(answer.life_ms, 1);
    token_answer_clear(&answer);
    assert_int_equal(answer.life_ms, 0);
    assert_null(answer.token.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_token_and_its_life),
        cmocka_unit_test(a_token_for_ever_is_believed_for_ten_years),
        cmocka_unit_test(refuses_bad_answers_and_names_the_field),
        cmocka_unit_test(refuses_every_expiry_that_is_not_in_the_future),
        cmocka_unit_test(an_expiry_beyond_64_bits_of_nanoseconds_is_far_but_bounded),
        cmocka_unit_test(a_token_longer_than_the_limit_is_refused),
        cmocka_unit_test(a_token_that_no_header_can_carry_is_refused),
        cmocka_unit_test(refuses_a_truncated_answer),
        cmocka_unit_test(a_token_of_one_millisecond_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
