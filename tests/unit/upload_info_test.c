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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demands_multipart_only_above_the_limit_and_when_it_is_enabled),
        cmocka_unit_test(takes_missing_fields_as_not_known),
        cmocka_unit_test(forgets_a_server_after_a_minute),
        cmocka_unit_test(keeps_the_newest_servers_when_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
