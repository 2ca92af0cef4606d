#include "libcommon/http/secret_mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *masked(const char *secret_text, const char *text)
{
    struct secret secret = SECRET_EMPTY;
    char *copy = strdup(text);
    secret_assign(&secret, secret_text, strlen(secret_text));
    secret_mask(&secret, copy, strlen(copy));
    secret_wipe(&secret);
    return copy;
}

static void assert_masked(const char *secret, const char *text, const char *expected)
{
    char *got = masked(secret, text);
    assert_string_equal(got, expected);
    free(got);
}

static void overwrites_a_secret_and_nothing_else(void **state)
{
    (void)state;
    assert_masked("hunter2hunter2", "no hunter2hunter2, please", "no **************, please");
    assert_masked("hunter2hunter2", "hunter2hunter2hunter2hunter2", "****************************");
    assert_masked("hunter2hunter2", "unknown credentials", "unknown credentials");
    assert_masked("hunter2hunter2", "", "");
    assert_masked("", "nothing to hide", "nothing to hide");
}

static void what_is_cut_at_either_end_is_overwritten_too(void **state)
{
    (void)state;
    assert_masked("QUIXOTIC-zephyr", "'QUIXO...'", "'*****...'");
    assert_masked("QUIXOTIC-zephyr", "'...ephyr'", "'...*****'");
    assert_masked("QUIXOTIC-zephyr", "ends in:ZEPH", "ends in:****");
    assert_masked("QUIXOTIC-zephyr", "hyr", "hyr");
}

static void as_json_escapes_it(void **state)
{
    (void)state;
    assert_masked("aa\"bb\\cc\n", "{\"got\":\"aa\\\"bb\\\\cc\\n\"}", "{\"got\":\"************\"}");
}

/* Also where only some characters are escaped, as services do: no run of it stands there as it is. */
static void as_urls_escape_it(void **state)
{
    (void)state;
    assert_masked("k+/=\xc3\xa4", "?c=k%2B%2F%3D%C3%A4&x=1", "?c=****************&x=1");
    assert_masked("k+/=\xc3\xa4", "?c=%6b%2b%2f%3d%c3%a4&x=1", "?c=******************&x=1");
    assert_masked("ab/cd/ef/gh", "at ab%2Fcd%2fef/gh%", "at ***************%");
    assert_masked("two words, no more", "q=two+words%2C+no+more", "q=********************");
    assert_masked("ab%41cd", "ab%2541cd", "*********");
}

static void as_json_may_escape_it(void **state)
{
    (void)state;
    assert_masked("ab/cd/ef/gh", "\"ab\\/cd\\/ef\\/gh\"", "\"**************\"");
    assert_masked("ab/cd", "\\u0061b\\u002Fcd\\u00", "***************\\u00");
    assert_masked("\xf0\x9f\x98\x80!", "\\ud83d\\ude00!, \\ud83d!", "*************, \\ud83d!");
    assert_masked("a\nb\tc", "a\\nb\\tc", "*******");
}

/* What is half a pair of surrogates is no character, and no reason to miss the one beside it. */
static void half_a_pair_hides_nothing(void **state)
{
    (void)state;
    assert_masked("xyza", "xyz\\u0061\\udc00", "*********\\udc00");
    assert_masked("\xee\x80\x80"
                  "abc",
                  "\\ud83d\\ue000abc", "\\ud83d*********");
    assert_masked("\xed\x9f\xbf"
                  "abc",
                  "\\ud7ffabc\\udbff", "*********\\udbff");
    assert_masked("\xf0\x90\x80\x80", "\\ud800\\udc00", "************");
    assert_masked("\xf4\x8f\xbf\xbf", "\\udbff\\udfff", "************");
    assert_masked("\nde00x", "\\ud83d\\nde00x", "\\ud83d*******");
    assert_masked("abcd", "\\udc00\\udc00abcd", "\\udc00\\udc00****");
}

/* A gateway quotes the service's JSON in JSON, or a URL of it. */
static void in_an_escape_within_an_escape(void **state)
{
    (void)state;
    assert_masked("ab/cd/ef/gh", "\"ab\\\\\\/cd\\\\\\/ef\"", "\"**************\"");
    assert_masked("ab/cd/ef/gh", "ab%5C%2Fcd%5C%2Fef", "******************");
    assert_masked("ab/cd/ef/gh", "ab%252Fcd%252Fef", "****************");
    assert_masked("ab\"cd\"ef", "ab\\u005c\\u0022cd\\u005c\\u0022ef", "******************************");
}

/* Encoded below as `before` and the secret and "!" in one: every character that the secret alone decides. */
static void in_base64_wherever_it_lies(void **state)
{
    (void)state;
    assert_masked("registration credentials", "cmVnaXN0cmF0aW9uIGNyZWRlbnRpYWxz",
                  "********************************");
    assert_masked("registration credentials",
                  "IXJlZ2lzdHJhdGlvbiBjcmVkZW50aWFscyE=", "IX*******************************yE=");
    assert_masked("registration credentials", "ISFyZWdpc3RyYXRpb24gY3JlZGVudGlhbHMh",
                  "ISF*******************************Mh");
    assert_masked("\xfb\xff\xfe\xfb\xff\xfe", "-__--__-", "********");
    assert_masked("\xfb\xff\xfe\xfb\xff\xfe", "+//++//+", "********");
    assert_masked("\xfb\xff\xfe\xfb\xff\xfe", "+\\/\\/++\\/\\/+", "************");
    assert_masked("\xfb\xff\xfe\xfb\xff\xfe", "%2B%2F%2f++//%2b", "****************");
}

/* Of the whole body in base64, the secret is there as JSON has it. */
static void in_base64_as_json_escapes_it(void **state)
{
    (void)state;
    assert_masked("quote\"me\"", "eyJjIjoicXVvdGVcIm1lXCIifQ==", "eyJjIjoi**************IifQ==");
}

static void a_secret_of_less_than_a_run_is_overwritten_where_it_stands(void **state)
{
    (void)state;
    assert_masked("abc", "abc abcabc ab", "*** ****** ab");
    assert_masked("x", "exact", "e*act");
}

/* Of 64 bytes on, four characters in a row are no secret, and would be in many a word. */
static void of_a_long_secret_a_run_is_longer(void **state)
{
    (void)state;
    static const char token[] = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJub2RlIiwiZXhwIjoxfQ.internal-c0ffee";
    assert_true(sizeof token - 1 >= SECRET_MASK_LONG_BYTES);
    assert_masked(token, "inter nal-c0f", "inter *******");
    assert_masked(token, "eyJhb eyJhbG", "eyJhb ******");
}

static void a_secret_of_the_largest_size_is_no_matter(void **state)
{
    (void)state;
    enum { BYTES = 64 * 1024 };
    char *large = malloc(BYTES + 1);
    for (size_t i = 0; i < BYTES; i++)
        large[i] = (char)('A' + (i * 7 + i / 26) % 26);
    large[BYTES] = '\0';
    char *got = masked(large, large);
    assert_int_equal(strspn(got, "*"), BYTES);
    free(got);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overwrites_a_secret_and_nothing_else),
        cmocka_unit_test(what_is_cut_at_either_end_is_overwritten_too),
        cmocka_unit_test(as_json_escapes_it),
        cmocka_unit_test(as_urls_escape_it),
        cmocka_unit_test(as_json_may_escape_it),
        cmocka_unit_test(half_a_pair_hides_nothing),
        cmocka_unit_test(in_base64_as_json_escapes_it),
        cmocka_unit_test(in_an_escape_within_an_escape),
        cmocka_unit_test(in_base64_wherever_it_lies),
        cmocka_unit_test(a_secret_of_less_than_a_run_is_overwritten_where_it_stands),
        cmocka_unit_test(of_a_long_secret_a_run_is_longer),
        cmocka_unit_test(a_secret_of_the_largest_size_is_no_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
