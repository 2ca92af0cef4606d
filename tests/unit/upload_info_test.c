#include "services/stored/artifacts/upload_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct upload_info parse(const char *body)
{
    struct upload_info info;
    struct error error;
    assert_true(upload_info_parse(body, strlen(body), &info, &error));
    return info;
}

static void demands_multipart_only_above_the_limit_and_when_it_is_enabled(void **state)
{
    (void)state;
    struct upload_info info =
        parse("{\"upload\":{\"request_max_bytes\":1000,\"multipart\":{\"enabled\":true}}}");
    assert_true(upload_info_demands_multipart(&info, 1001));
    assert_false(upload_info_demands_multipart(&info, 1000));
    info = parse("{\"upload\":{\"request_max_bytes\":1000,\"multipart\":{\"enabled\":false}}}");
    assert_false(upload_info_demands_multipart(&info, 1001));
}

static void takes_missing_fields_as_not_known(void **state)
{
    (void)state;
    const char *const bodies[] = {"{}", "{\"upload\":null}",
                                  "{\"upload\":{\"multipart\":{\"enabled\":true}}}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct upload_info info = parse(bodies[i]);
        assert_false(upload_info_demands_multipart(&info, INT64_MAX));
    }
}

static void forgets_a_server_after_a_minute(void **state)
{
    (void)state;
    struct upload_info_cache cache = {0};
    const struct upload_info info = {.request_max_bytes = 5, .multipart_enabled = true};
    upload_info_remember(&cache, "https://a", &info, 1000);
    assert_non_null(upload_info_find(&cache, "https://a", 60999));
    assert_null(upload_info_find(&cache, "https://a", 61000));
    assert_null(upload_info_find(&cache, "https://a", 61001));
    assert_null(upload_info_find(&cache, "https://b", 1000));
    upload_info_cache_clear(&cache);
}

static void keeps_the_newest_servers_when_full(void **state)
{
    (void)state;
    struct upload_info_cache cache = {0};
    const struct upload_info info = {0};
    char url[32];
    for (int i = 0; i < UPLOAD_INFO_SERVERS + 1; i++) {
        snprintf(url, sizeof url, "https://server-%d", i);
        upload_info_remember(&cache, url, &info, i);
    }
    assert_null(upload_info_find(&cache, "https://server-0", 20));
    assert_non_null(upload_info_find(&cache, "https://server-1", 20));
    assert_non_null(upload_info_find(&cache, url, 20));
    upload_info_cache_clear(&cache);
}

static void a_server_that_says_more_is_remembered_as_it_says_last(void **state)
{
    (void)state;
    struct upload_info_cache cache = {0};
    const struct upload_info first = {.request_max_bytes = 5, .multipart_enabled = true};
    const struct upload_info second = {.request_max_bytes = 7, .multipart_enabled = false};
    upload_info_remember(&cache, "https://a", &first, 1000);
    upload_info_remember(&cache, "https://b", &first, 1000);
    upload_info_remember(&cache, "https://a", &second, 2000);
    assert_int_equal(upload_info_find(&cache, "https://a", 2000)->request_max_bytes, 7);
    assert_int_equal(upload_info_find(&cache, "https://a", 61999)->request_max_bytes, 7);
    assert_false(upload_info_find(&cache, "https://a", 61999)->multipart_enabled);
    assert_null(upload_info_find(&cache, "https://a", 62000));
    assert_int_equal(upload_info_find(&cache, "https://b", 2000)->request_max_bytes, 5);
    upload_info_remember(&cache, "https://b", &second, 3000);
    assert_int_equal(upload_info_find(&cache, "https://a", 3000)->request_max_bytes, 7);
    assert_int_equal(upload_info_find(&cache, "https://b", 62999)->request_max_bytes, 7);
    upload_info_cache_clear(&cache);
    assert_null(upload_info_find(&cache, "https://a", 2000));
}

/* A node works for a handful of servers at once: none of sixteen is asked twice within the minute. */
static void sixteen_servers_are_known_at_once_and_the_oldest_gives_way(void **state)
{
    (void)state;
    struct upload_info_cache cache = {0};
    char url[32];
    for (int i = 0; i < 20; i++) {
        const struct upload_info info = {.request_max_bytes = i};
        /* Not in the order of the table: the one that ends first stands in its middle. */
        snprintf(url, sizeof url, "https://server-%d", i);
        upload_info_remember(&cache, url, &info, (i * 7) % 16 + (i >= 16 ? 100 : 0));
    }
    /* 0, 7, 14 and 5 were remembered at 0, 1, 2 and 3. */
    for (int i = 0; i < 20; i++) {
        snprintf(url, sizeof url, "https://server-%d", i);
        const struct upload_info *info = upload_info_find(&cache, url, 200);
        bool gave_way = i == 0 || i == 7 || i == 14 || i == 5;
        assert_int_equal(info == NULL, gave_way);
        if (info)
            assert_int_equal(info->request_max_bytes, i);
    }
    upload_info_cache_clear(&cache);
}

static void refuses_what_says_nothing_that_can_be_read(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"[]", "not a JSON object"},
        {"{\"upload\":1}", "upload: an object was expected, got a number"},
        {"{\"upload\":{\"request_max_bytes\":\"1\"}}",
         "request_max_bytes: a number was expected, got a string"},
        {"{\"upload\":{\"multipart\":[]}}", "multipart: an object was expected, got an array"},
        {"{\"upload\":{\"multipart\":{\"enabled\":1}}}",
         "enabled: true or false was expected, got a number"}};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct upload_info info;
        struct error error;
        assert_false(upload_info_parse(bodies[i][0], strlen(bodies[i][0]), &info, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, bodies[i][1]);
    }
    struct upload_info none =
        parse("{\"upload\":{\"request_max_bytes\":0,\"multipart\":{\"enabled\":true}}}");
    assert_false(upload_info_demands_multipart(&none, 1));
    none = parse("{\"upload\":{\"request_max_bytes\":1,\"multipart\":{\"enabled\":true}}}");
    assert_true(upload_info_demands_multipart(&none, 2));
    assert_false(upload_info_demands_multipart(&none, 0));
    none = parse("{\"upload\":{\"request_max_bytes\":-1,\"multipart\":{\"enabled\":true}}}");
    assert_false(upload_info_demands_multipart(&none, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demands_multipart_only_above_the_limit_and_when_it_is_enabled),
        cmocka_unit_test(takes_missing_fields_as_not_known),
        cmocka_unit_test(forgets_a_server_after_a_minute),
        cmocka_unit_test(keeps_the_newest_servers_when_full),
        cmocka_unit_test(a_server_that_says_more_is_remembered_as_it_says_last),
        cmocka_unit_test(sixteen_servers_are_known_at_once_and_the_oldest_gives_way),
        cmocka_unit_test(refuses_what_says_nothing_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
