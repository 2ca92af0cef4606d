#include "services/stored/names/safe_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void keeps_letters_digits_hyphens_and_underscores_alone(void **state)
{
    (void)state;
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (int byte = 0; byte < 256; byte++) {
        const char text[] = {(char)byte};
        char *name = safe_name(text, 1);
        assert_int_equal(name[0], byte && strchr(kept, byte) ? byte : '_');
        assert_int_equal(name[1], '\0');
        free(name);
    }
}

static void assert_name(const char *text, const char *expected)
{
    char *name = safe_name(text, strlen(text));
    assert_string_equal(name, expected);
    free(name);
}

static void puts_one_underscore_for_a_code_point_and_for_a_broken_byte(void **state)
{
    (void)state;
    assert_name("", "");
    assert_name("a/b.c", "a_b_c");
    assert_name("\xc3\xb6\xe6\x97\xa5\xf0\x9f\x99\x82x", "___x");
    assert_name("\xc3(\xff\xfe", "____");
    assert_name("\xf0\x9f\x99", "___");
    /* No more is read than is given. */
    char *name = safe_name("abc", 2);
    assert_string_equal(name, "ab");
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_letters_digits_hyphens_and_underscores_alone),
        cmocka_unit_test(puts_one_underscore_for_a_code_point_and_for_a_broken_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
