/* services/leased/poll_choice.h: docs/network.md 3.1. */
#include "services/leased/poll_choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_choice(const int64_t free[3], const char *last, const char *expected)
{
    const struct poll_room rooms[] = {{"/a", free[0]}, {"/b", free[1]}, {"/c", free[2]}};
    const char *capability = "untouched";
    assert_true(poll_choice_make(rooms, 3, last, &capability));
    if (expected)
        assert_string_equal(capability, expected);
    else
        assert_null(capability);
}

static void while_all_have_room_anything_is_asked_for(void **state)
{
    (void)state;
    assert_choice((int64_t[]){1, 2, 1}, NULL, NULL);
    assert_choice((int64_t[]){1, 2, 1}, "/b", NULL);
}

static void when_some_are_full_the_others_take_turns(void **state)
{
    (void)state;
    assert_choice((int64_t[]){1, 0, 1}, NULL, "/a");
    assert_choice((int64_t[]){1, 0, 1}, "/a", "/c");
    assert_choice((int64_t[]){1, 0, 1}, "/c", "/a");
    assert_choice((int64_t[]){1, 1, -1}, "/a", "/b");
    assert_choice((int64_t[]){0, 0, 3}, "/c", "/c");
    assert_choice((int64_t[]){1, 0, 1}, "/b", "/c"); /* asked for before it was full */
    assert_choice((int64_t[]){1, 0, 1}, "/zzz", "/a");
}

static void nothing_is_asked_for_when_nothing_could_run(void **state)
{
    (void)state;
    const struct poll_room full[] = {{"/a", 0}, {"/b", -1}};
    const char *capability;
    assert_false(poll_choice_make(full, 2, NULL, &capability));
    assert_false(poll_choice_make(full, 0, NULL, &capability));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_all_have_room_anything_is_asked_for),
        cmocka_unit_test(when_some_are_full_the_others_take_turns),
        cmocka_unit_test(nothing_is_asked_for_when_nothing_could_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
