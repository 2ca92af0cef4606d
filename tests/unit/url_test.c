#include "libcommon/http/url.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void joins_every_golden_base(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("urls.json");
    json_array_foreach(cases, index, vector)
    {
        const char *segments[8];
        const json_t *list = json_object_get(vector, "segments");
        if (!vectors_is_kind(vector, "join"))
            continue;
        vectors_announce(vector);
        for (size_t i = 0; i < json_array_size(list); i++)
            segments[i] = json_string_value(json_array_get(list, i));
        char *joined = url_join(vectors_text(vector, "base"), segments, json_array_size(list));
        assert_string_equal(joined, vectors_text(vector, "expected"));
        free(joined);
    }
    json_decref(cases);
}

static void normalises_every_golden_node_url(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("registration.json");
    json_array_foreach(cases, index, vector)
    {
        struct error error;
        vectors_announce(vector);
        char *url = url_normalise(vectors_text(vector, "node_url"), &error);
        assert_non_null(url);
        assert_string_equal(url, vectors_text(vector, "url"));
        free(url);
    }
    json_decref(cases);
}

static void assert_normalises(const char *text, const char *expected)
{
    struct error error;
    char *url = url_normalise(text, &error);
    assert_non_null(url);
    assert_string_equal(url, expected);
    free(url);
}

/* The values are those of Node's URL. */
static void normalises_paths_queries_and_addresses(void **state)
{
    (void)state;
    assert_normalises("http://h:80", "http://h/");
    assert_normalises("http://h:443/x", "http://h:443/x");
    assert_normalises("https://H/a/./b/../C", "https://h/a/C");
    assert_normalises("https://h/a%20b/\xc3\xb6?q=\xc3\xb6#f", "https://h/a%20b/%C3%B6?q=%C3%B6#f");
    assert_normalises("http://[2001:DB8:0:0:0:0:0:1]:8080/", "http://[2001:db8::1]:8080/");
    assert_normalises("http://user:pw@h/", "http://user:pw@h/");
}

static void refuses_what_is_no_http_url_with_a_host(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "node.example.com",
                                        "ftp://h/",
                                        "https://",
                                        "https:///",
                                        "https://h:99999/",
                                        "http:/h",
                                        "//h/x",
                                        "http://h o",
                                        "https://h/a b",
                                        "http://[::1",
                                        "http://h/\n",
                                        "file:///etc/passwd",
                                        "http://a%2541b/",
                                        "http://%31.2/",
                                        "https:///a%41b",
                                        "http://user@%68/",
                                        "http://\xc3\xb6.example/"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        print_message("  url: %s\n", texts[i]);
        assert_null(url_normalise(texts[i], &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_false(url_is_http(texts[i]));
        assert_false(url_same_origin(texts[i], texts[i]));
    }
}

static void compares_origins(void **state)
{
    (void)state;
    assert_true(url_same_origin("https://ds.example.org", "HTTPS://DS.example.org:443/x?y#z"));
    assert_true(url_same_origin("http://h:80/a", "http://h/b"));
    assert_false(url_same_origin("https://ds.example.org", "http://ds.example.org"));
    assert_false(url_same_origin("https://ds.example.org", "https://ds.example.org:444"));
    assert_false(url_same_origin("https://ds.example.org", "https://ds.example.org.evil.example"));
    assert_false(url_same_origin("https://ds.example.org", "https://ds.example.org@evil.example"));
    assert_false(url_same_origin("https://ds.example.org", "https://ds.example.org\\@evil.example"));
}

static void encodes_what_a_component_must_not_hold(void **state)
{
    (void)state;
    char *encoded = url_encode_component("aZ0-._~ /?#&+=%,\xc3\xb6\"");
    assert_string_equal(encoded, "aZ0-._~%20%2F%3F%23%26%2B%3D%25%2C%C3%B6%22");
    char *decoded = url_decode_component(encoded, strlen(encoded));
    assert_string_equal(decoded, "aZ0-._~ /?#&+=%,\xc3\xb6\"");
    free(decoded);
    free(encoded);
}

static void assert_form_decodes(const char *text, size_t length, const char *expected)
{
    char *decoded = url_decode_form(text, length);
    assert_non_null(decoded);
    assert_string_equal(decoded, expected);
    free(decoded);
}

static void decodes_forms_and_refuses_a_nul(void **state)
{
    (void)state;
    assert_form_decodes("a+b%2Bc", 7, "a b+c");
    assert_form_decodes("100%", 4, "100%");
    assert_form_decodes("%zz%4", 5, "%zz%4");
    assert_form_decodes("%41%42", 4, "A%");
    assert_null(url_decode_form("a%00b", 5));
    char *plus = url_decode_component("a+b", 3);
    assert_string_equal(plus, "a+b");
    free(plus);
}

static void a_component_keeps_letters_digits_and_four_signs_and_nothing_else(void **state)
{
    (void)state;
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {(char)byte, '\0'};
        char expected[4];
        snprintf(expected, sizeof expected, strchr(kept, byte) ? "%c" : "%%%02X", byte);
        char *encoded = url_encode_component(text);
        assert_string_equal(encoded, expected);
        char *decoded = url_decode_component(encoded, strlen(encoded));
        assert_string_equal(decoded, text);
        free(decoded);
        free(encoded);
    }
}

static void assert_joins(const char *base, const char *first, const char *second, const char *expected)
{
    char *url = url_join(base, (const char *const[]){first, second}, 2);
    assert_string_equal(url, expected);
    free(url);
}

static void one_slash_stands_between_base_and_segments(void **state)
{
    (void)state;
    assert_joins("http://h", "a", "b", "http://h/a/b");
    assert_joins("http://h///", "//a//", "/b/?q", "http://h/a/b/?q");
    assert_joins("", "", "x", "/x");
    assert_joins("/", "x", "", "/x/");
    char *alone = url_join("http://h/p/", NULL, 0);
    assert_string_equal(alone, "http://h/p/");
    free(alone);
}

static void what_a_path_query_or_fragment_must_not_hold_is_encoded(void **state)
{
    (void)state;
    assert_normalises("http://h/\"<>`{}'|^", "http://h/%22%3C%3E%60%7B%7D'|^");
    assert_normalises("http://h/?\"<>'`{}\xff", "http://h/?%22%3C%3E%27`{}%FF");
    assert_normalises("http://h/#\"<>`'{}\x80", "http://h/#%22%3C%3E%60'{}%80");
    assert_normalises("http://user@h/", "http://user@h/");
    assert_normalises("HTTP://H:8080", "http://h:8080/");
    assert_normalises("https://h:443/?", "https://h/?");
    assert_normalises("http://u%40x:p%3A@h:80/", "http://u%40x:p%3A@h/");
}

static void an_origin_always_has_its_port(void **state)
{
    (void)state;
    static const char *const urls[][2] = {{"http://H/x", "http://h:80"},
                                          {"https://H/x?y", "https://h:443"},
                                          {"https://u:p@h:80/", "https://h:80"},
                                          {"http://[::1]/", "http://[::1]:80"}};
    struct error error;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *origin = url_origin(urls[i][0], &error);
        assert_non_null(origin);
        assert_string_equal(origin, urls[i][1]);
        free(origin);
    }
    assert_null(url_origin("h", &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_non_null(strstr(error.text, "http or https URL"));
    assert_false(url_same_origin("http://h/", "h"));
    assert_false(url_same_origin("h", "http://h/"));
}

static void what_may_be_a_secret_is_not_shown(void **state)
{
    (void)state;
    static const char *const urls[][2] = {{"http://H/x/y", "http://h:80/x/y"},
                                          {"https://u:p@H/x?signature=s#f", "https://h:443/x"},
                                          {"https://key@h:8443", "https://h:8443/"},
                                          {"http://[::1]/?a@b", "http://[::1]:80/"}};
    struct error error;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char *shown = url_shown(urls[i][0], &error);
        assert_non_null(shown);
        assert_string_equal(shown, urls[i][1]);
        free(shown);
    }
    assert_null(url_shown("h", &error));
    assert_int_equal(error.code, ERROR_INVALID);
}

static void control_characters_are_in_no_url(void **state)
{
    (void)state;
    for (int byte = 1; byte < 128; byte++) {
        char text[] = "https://h/a?b";
        text[11] = (char)byte;
        assert_int_equal(url_is_http(text), byte > ' ' && byte != 127);
    }
    assert_true(url_is_http("https://h/%25?%25#%25"));
    assert_true(url_is_http("https://us%65r:p%77@h/"));
    assert_false(url_is_http("https://user@h%65/"));
    assert_false(url_is_http("https://h%65?x"));
    assert_false(url_is_http("https://h%65#x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_every_golden_base),
        cmocka_unit_test(normalises_every_golden_node_url),
        cmocka_unit_test(normalises_paths_queries_and_addresses),
        cmocka_unit_test(refuses_what_is_no_http_url_with_a_host),
        cmocka_unit_test(compares_origins),
        cmocka_unit_test(encodes_what_a_component_must_not_hold),
        cmocka_unit_test(decodes_forms_and_refuses_a_nul),
        cmocka_unit_test(a_component_keeps_letters_digits_and_four_signs_and_nothing_else),
        cmocka_unit_test(one_slash_stands_between_base_and_segments),
        cmocka_unit_test(what_a_path_query_or_fragment_must_not_hold_is_encoded),
        cmocka_unit_test(an_origin_always_has_its_port),
        cmocka_unit_test(what_may_be_a_secret_is_not_shown),
        cmocka_unit_test(control_characters_are_in_no_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
