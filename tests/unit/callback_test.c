#include "services/authd/registration/callback.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>

/* Stands in for libcrypto's, which all wiping goes through: counts what is wiped of a secret's letter. */
static size_t wiped_letters;

void OPENSSL_cleanse(void *ptr, size_t len)
{
    for (size_t i = 0; i < len; i++)
        wiped_letters += ((const char *)ptr)[i] == '#';
    memset(ptr, 0, len);
}

static struct callback parse(const char *content_type, const char *body)
{
    struct callback callback;
    callback_parse(&callback, content_type, body, strlen(body));
    return callback;
}

static void assert_refused(const char *body, int status, const char *answer)
{
    printf("  case: %s\n", body);
    struct callback callback = parse("application/json", body);
    assert_int_equal(callback.status, status);
    if (answer)
        assert_string_equal(callback.answer, answer);
    assert_null(callback.secret.bytes);
}

static void stores_a_secret_as_it_came(void **state)
{
    (void)state;
    struct callback callback =
        parse("application/json", "{\"id\":\"node-1\",\"secret\":\" s\\u00e9cret\\n\"}");
    assert_int_equal(callback.status, 200);
    assert_string_equal(callback.answer, "{\"ok\":true}");
    assert_string_equal(callback.secret.bytes, " s\xc3\xa9"
                                               "cret\n");
    assert_string_equal(callback.id, "node-1");
    callback_clear(&callback);
}

static void ignores_optional_and_unknown_fields_of_any_type(void **state)
{
    (void)state;
    struct callback callback =
        parse("application/json", "{\"organization_id\":null,\"lighthouses_in_domains\":[1,{\"a\":2}],"
                                  "\"domains\":\"x\",\"id\":\"i\",\"secret\":\"s\",\"else\":1e999}");
    assert_int_equal(callback.status, 200);
    callback_clear(&callback);
}

static void refuses_blank_fields(void **state)
{
    (void)state;
    assert_refused("{\"id\":\" \\t\",\"secret\":\"s\"}", 422, "missing id");
    assert_refused("{\"id\":\"\",\"secret\":\"\"}", 422, "missing id");
    assert_refused("{\"id\":\"i\",\"secret\":\"\\n \"}", 422, "missing secret");
}

static void refuses_missing_fields_and_wrong_types(void **state)
{
    (void)state;
    assert_refused("{}", 422, NULL);
    assert_refused("{\"secret\":\"s\"}", 422, "field id is missing");
    assert_refused("{\"id\":\"i\"}", 422, "field secret is missing");
    assert_refused("{\"id\":\"i\",\"secret\":null}", 422, "field secret is missing");
    assert_refused("{\"id\":1,\"secret\":\"s\"}", 422, NULL);
    assert_refused("{\"id\":\"i\",\"secret\":[\"s\"]}", 422, NULL);
    assert_refused("{\"id\":\"i\",\"secret\":\"s\",\"secret\":\"t\"}", 422, NULL);
    assert_refused("[\"i\",\"s\"]", 422, NULL);
    assert_refused("\"text\"", 422, NULL);
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    assert_refused("", 400, "the body is not JSON");
    assert_refused("{\"id\":\"i\",\"secret\":\"s\"", 400, "the body is not JSON");
    assert_refused("{\"id\":\"i\",\"secret\":\"s\"}}", 400, "the body is not JSON");
    assert_refused("id=i&secret=s", 400, "the body is not JSON");
    assert_refused("{\"id\":\"i\",\"secret\":\"\xff\"}", 400, "the body is not JSON");
}

static void takes_4096_bytes_of_secret_and_no_more(void **state)
{
    (void)state;
    char secret[4096 + 2];
    memset(secret, 'x', sizeof secret);
    secret[4096] = '\0';
    char *body = memory_format("{\"id\":\"i\",\"secret\":\"%s\"}", secret);
    struct callback callback = parse("application/json", body);
    assert_int_equal(callback.status, 200);
    assert_int_equal(callback.secret.length, 4096);
    callback_clear(&callback);
    free(body);

    secret[4096] = 'x';
    secret[4096 + 1] = '\0';
    body = memory_format("{\"id\":\"i\",\"secret\":\"%s\"}", secret);
    assert_refused(body, 403, "secret too large");
    free(body);
}

static void judges_the_content_type_first(void **state)
{
    (void)state;
    const char *const good[] = {"application/json", "Application/JSON; charset=utf-8", "application/json ;x",
                                "application/problem+json"};
    const char *const bad[] = {NULL,
                               "",
                               "text/plain",
                               "application/jsonx",
                               "application/+json",
                               "json",
                               "text/x+json",
                               "application/x-www-form-urlencoded; a=application/json"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct callback callback = parse(good[i], "{\"id\":\"i\",\"secret\":\"s\"}");
        assert_int_equal(callback.status, 200);
        callback_clear(&callback);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(bad[i], "not JSON").status, 415);
}

static void answers_show_nothing_of_the_body(void **state)
{
    (void)state;
    const char *const bodies[] = {"{\"secret\":\"hunter2\"}",
                                  "{\"id\":{\"hunter2\":1},\"secret\":\"hunter2\"}",
                                  "{\"id\":\"i\",\"secret\":{\"hunter2\":1}}", "hunter2",
                                  "{\"id\":\"i\",\"secret\":\"hunter2\\ud800\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        assert_null(strstr(parse("application/json", bodies[i]).answer, "hunter2"));
}

/* What is kept of it is in the callback, and goes with that. */
static void no_other_copy_of_the_secret_stays_behind(void **state)
{
    (void)state;
    wiped_letters = 0;
    struct callback callback = parse("application/json", "{\"id\":\"i\",\"secret\":\"###\"}");
    assert_int_equal(wiped_letters, 3);
    callback_clear(&callback);
    assert_int_equal(wiped_letters, 6);
    assert_refused("{\"id\":\" \",\"secret\":\"###\"}", 422, "missing id");
    assert_int_equal(wiped_letters, 9);
}

static void the_id_for_the_log_is_one_bounded_line(void **state)
{
    (void)state;
    struct callback callback = parse("application/json", "{\"id\":\"a\\nb\",\"secret\":\"s\"}");
    assert_string_equal(callback.id, "a b");
    callback_clear(&callback);
    char id[5000];
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    char *body = memory_format("{\"id\":\"%s\",\"secret\":\"s\"}", id);
    callback = parse("application/json", body);
    assert_int_equal(callback.status, 200);
    assert_int_equal(strlen(callback.id), CALLBACK_ID_LOGGED_BYTES);
    callback_clear(&callback);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_a_secret_as_it_came),
        cmocka_unit_test(ignores_optional_and_unknown_fields_of_any_type),
        cmocka_unit_test(refuses_blank_fields),
        cmocka_unit_test(refuses_missing_fields_and_wrong_types),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(takes_4096_bytes_of_secret_and_no_more),
        cmocka_unit_test(judges_the_content_type_first),
        cmocka_unit_test(answers_show_nothing_of_the_body),
        cmocka_unit_test(no_other_copy_of_the_secret_stays_behind),
        cmocka_unit_test(the_id_for_the_log_is_one_bounded_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
