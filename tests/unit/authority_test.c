#include "libcommon/base/authority.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void splits_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        const char *port;
    } cases[] = {{"dds.example.org", "dds.example.org", ""},
                 {"dds.example.org:8080", "dds.example.org", "8080"},
                 {"dds.example.org:", "dds.example.org", ""},
                 {"dds.example.org.", "dds.example.org", ""},
                 {"dds.example.org.:1", "dds.example.org", "1"},
                 {"a..", "a.", ""},
                 {"x", "x", ""},
                 {"a%2Fb~!$&'()*+,;=_-", "a%2Fb~!$&'()*+,;=_-", ""},
                 {"127.0.0.1:80", "127.0.0.1", "80"},
                 {"[::1]", "[::1]", ""},
                 {"[2001:db8::1.2.3.4]:443", "[2001:db8::1.2.3.4]", "443"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct authority authority;
        printf("  case: %s\n", cases[i].text);
        assert_true(authority_parse(cases[i].text, &authority));
        assert_int_equal(authority.host_bytes, strlen(cases[i].host));
        assert_memory_equal(authority.host, cases[i].host, authority.host_bytes);
        assert_string_equal(authority.port, cases[i].port);
    }
}

static void refuses_what_is_no_authority(void **state)
{
    (void)state;
    static const char *const texts[] = {"",          ".",
                                        ":80",       ".:80",
                                        "user@h",    "user:pw@h",
                                        "@h",        "h:80a",
                                        "h:-1",      "h:80:80",
                                        "h/",        "h?x",
                                        "h#x",       "a b",
                                        " h",        "h ",
                                        "h\\x",      "h\"",
                                        "h<",        "\xc3\xbc.example",
                                        "h\x7f",     "h%",
                                        "h%2",       "h%2x",
                                        "h%x2",      "[::1",
                                        "[]",        "[",
                                        "::1",       "[::1]x",
                                        "[::1].",    "[127.0.0.1]",
                                        "[::1%251]", "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
                                        "x[::1]",    "send all you have to the account below"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct authority authority;
        printf("  case: %s\n", texts[i]);
        assert_false(authority_parse(texts[i], &authority));
    }
}

typedef bool compare_function(const struct authority *left, const struct authority *right);

static bool compare(compare_function *function, const char *left, const char *right)
{
    struct authority a;
    struct authority b;
    printf("  case: %s and %s\n", left, right);
    assert_true(authority_parse(left, &a));
    assert_true(authority_parse(right, &b));
    assert_int_equal(function(&a, &b), function(&b, &a));
    return function(&a, &b);
}

static void the_same_authority_may_be_written_in_several_ways(void **state)
{
    (void)state;
    assert_true(compare(authority_equal, "a.example", "A.Example."));
    assert_true(compare(authority_equal, "a.example:1", "a.example.:1"));
    assert_true(compare(authority_equal, "[::1]", "[0:0::0:1]"));
    assert_false(compare(authority_equal, "a.example", "a.example:1"));
    assert_false(compare(authority_equal, "a.example:1", "a.example:2"));
    assert_false(compare(authority_equal, "a.example", "b.example"));
    assert_false(compare(authority_equal, "a.example", "ba.example"));
    assert_false(compare(authority_equal, "127.0.0.1", "127.0.0.2"));
}

static void a_site_is_the_last_two_labels(void **state)
{
    (void)state;
    assert_true(compare(authority_same_site, "dds.auki.network", "auki.network"));
    assert_true(compare(authority_same_site, "dds.auki.network", "a.b.AUKI.network.:8443"));
    assert_true(compare(authority_same_site, "dds", "DDS:80"));
    assert_false(compare(authority_same_site, "dds.auki.network", "opensea.io"));
    assert_false(compare(authority_same_site, "dds.auki.network", "evilauki.network"));
    assert_false(compare(authority_same_site, "dds.auki.network", "auki.network.evil.io"));
    assert_false(compare(authority_same_site, "dds.auki.network", "network"));
    assert_false(compare(authority_same_site, "dds", "x.dds"));
    assert_false(compare(authority_same_site, "dds.auki.network", "auki%2Enetwork"));
}

/* 20.0.0.1 has the last two labels of 10.0.0.1. */
static void an_ip_address_is_a_site_of_its_own(void **state)
{
    (void)state;
    assert_true(compare(authority_same_site, "10.0.0.1", "10.0.0.1:8080"));
    assert_true(compare(authority_same_site, "[2001:db8::1]", "[2001:DB8:0::1]:1"));
    assert_true(compare(authority_same_site, "[::ffff:10.0.0.1]", "10.0.0.1"));
    assert_false(compare(authority_same_site, "10.0.0.1", "20.0.0.1"));
    assert_false(compare(authority_same_site, "10.0.0.1", "x.0.1"));
    assert_false(compare(authority_same_site, "[2001:db8::1]", "[2001:db8::2]"));
}

static void loopback_is_known_by_address_and_name(void **state)
{
    (void)state;
    static const char *const yes[] = {"localhost",          "LocalHost:80",  "localhost.",
                                      "127.0.0.1",          "127.255.0.9:1", "127.0.0.1.",
                                      "[::ffff:127.3.2.1]", "[::1]:8080",    "[0::1]"};
    static const char *const no[] = {
        "localhost.evil.io", "xlocalhost",        "local", "128.0.0.1", "126.0.0.1", "127.1",
        "127.0.0.1.nip",     "0.0.0.0",           "[::]",  "[::2]",     "[1::1]",    "[::7f00:1]",
        "127.evil",          "[::ffff:126.0.0.1]"};
    struct authority authority;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_true(authority_parse(yes[i], &authority));
        if (!authority_is_loopback(&authority))
            fail_msg("%s is loopback", yes[i]);
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_true(authority_parse(no[i], &authority));
        if (authority_is_loopback(&authority))
            fail_msg("%s is not loopback", no[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_host_and_port),
        cmocka_unit_test(refuses_what_is_no_authority),
        cmocka_unit_test(the_same_authority_may_be_written_in_several_ways),
        cmocka_unit_test(a_site_is_the_last_two_labels),
        cmocka_unit_test(an_ip_address_is_a_site_of_its_own),
        cmocka_unit_test(loopback_is_known_by_address_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
