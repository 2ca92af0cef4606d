/* libcommon/node/settings.h: what may be said of DDS, which is sent secrets (docs/network.md 2.1, 6). */
#include "libcommon/node/settings.h"

#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct settings settings;
static struct settings_findings report;

static bool load(const char *dds_base_url, const char *extra)
{
    struct error error;
    struct environment environment;
    char *variables[] = {
        memory_format("DDS_BASE_URL=%s", dds_base_url),       memory_copy_text(extra),
        memory_copy_text("REQUEST_TIMEOUT_SECS=30"),          memory_copy_text("REGISTRATION_FLOW=robot"),
        memory_copy_text("ROBOT_REGISTRATION_CREDENTIALS=c"), NULL};
    assert_true(environment_open(&environment, variables, &error));
    bool ok = settings_load(&settings, AUTHD_BIT, url_is_http, &environment, &report);
    environment_close(&environment);
    for (char **variable = variables; *variable; variable++)
        free(*variable);
    settings_clear(&settings);
    return ok;
}

static const char none[] = "ALLOW_INSECURE_DDS=";
static const char allowed[] = "ALLOW_INSECURE_DDS=true";

static void http_beyond_loopback_is_a_fault(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://dds.example.org",   "HTTP://10.0.0.1:8080/dds",
                                       "http://localhost.evil.io", "http://[2001:db8::1]/",
                                       "http://127.0.0.1@evil.io", "http:///evil.io",
                                       "http://0.0.0.0",           "http://evil.io?127.0.0.1",
                                       "http://evil.io#localhost", "http://devnet:8080"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        static const char *const unset[] = {none, "ALLOW_INSECURE_DDS=false"};
        for (size_t j = 0; j < 2; j++) {
            if (load(urls[i], unset[j]))
                fail_msg("%s is taken", urls[i]);
            assert_string_equal(report.faults.items[report.faults.count - 1].variable, "DDS_BASE_URL");
            const char *user_end = strchr(urls[i], '@');
            const char *told = user_end ? user_end + 1 : urls[i];
            char *shown = memory_copy_bytes(told, strcspn(told, "?#"));
            assert_non_null(strstr(report.faults.items[report.faults.count - 1].text, shown));
            free(shown);
            assert_non_null(
                strstr(report.faults.items[report.faults.count - 1].text, "ALLOW_INSECURE_DDS=true"));
        }
    }
}

static void a_user_s_password_is_not_told_and_is_no_host(void **state)
{
    (void)state;
    assert_false(load("http://node:hunter2@dds.lan/dds", none));
    assert_null(strstr(report.faults.items[0].text, "hunter2"));
    assert_non_null(strstr(report.faults.items[0].text, "'http://***@dds.lan/dds'"));
    assert_true(load("http://node:hunter2@127.0.0.1:8080", none));
    assert_false(load("http://dds.lan/x@127.0.0.1", none));
}

static void http_beyond_loopback_may_be_allowed_and_is_warned_of(void **state)
{
    (void)state;
    assert_true(load("http://dds.example.org", allowed));
    assert_int_equal(report.warnings.count, 1);
    assert_string_equal(report.warnings.items[0].variable, "DDS_BASE_URL");
    assert_false(load("http://dds.example.org", "ALLOW_INSECURE_DDS=yes"));
}

static void https_and_this_machine_need_no_leave(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://dds.example.org", "HTTPS://10.0.0.1",  "http://localhost:8080/dds",    "http://127.0.0.1",
        "http://127.9.9.9:1/?x#y", "http://[::1]:8080", "http://[::ffff:127.0.0.1]/x/", "http://LocalHost."};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        if (!load(urls[i], none))
            fail_msg("%s is refused", urls[i]);
        assert_int_equal(report.warnings.count, 0);
    }
    assert_true(load("https://dds.example.org", allowed));
    assert_int_equal(report.warnings.count, 0);
}

static void siwe_domain_is_an_authority(void **state)
{
    (void)state;
    assert_true(load("https://d", "SIWE_DOMAIN=login.example.org:8443"));
    assert_true(load("https://d", "SIWE_DOMAIN= "));
    static const char *const bad[] = {"SIWE_DOMAIN=https://login.example.org", "SIWE_DOMAIN=a b",
                                      "SIWE_DOMAIN=u@h", "SIWE_DOMAIN=b\xc3\xbc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(load("https://d", bad[i]));
        assert_int_equal(report.faults.count, 1);
        assert_string_equal(report.faults.items[0].variable, "SIWE_DOMAIN");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_beyond_loopback_is_a_fault),
        cmocka_unit_test(a_user_s_password_is_not_told_and_is_no_host),
        cmocka_unit_test(http_beyond_loopback_may_be_allowed_and_is_warned_of),
        cmocka_unit_test(https_and_this_machine_need_no_leave),
        cmocka_unit_test(siwe_domain_is_an_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
