#include "libcommon/message/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void sorting_keeps_one_of_each(void **state)
{
    (void)state;
    static const char *const items[] = {"b", "a", "b", "", "ab", "B", "a", "b"};
    static const char *const sorted[] = {"", "B", "a", "ab", "b"};
    struct text_list list = {0};
    text_list_sort_unique(&list);
    assert_int_equal(list.count, 0);
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        text_list_add(&list, items[i]);
    text_list_sort_unique(&list);
    assert_int_equal(list.count, sizeof sorted / sizeof sorted[0]);
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.items[i], sorted[i]);
    text_list_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_keeps_one_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
