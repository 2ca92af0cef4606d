#include "services/stored/domain_answer.h"

#include "libcommon/memory.h"

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
    const char *const bodies[] = {"{}", "{\"etag\":\"\"}", "{\"etag\":1}", "nonsense", ""};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct http_response response = answer(bodies[i]);
        assert_false(domain_answer_etag(&response, &etag, &error));
        assert_null(etag);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
