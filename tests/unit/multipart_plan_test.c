#include "services/stored/multipart_plan.h"

#include "libcommon/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_refused(int64_t total_bytes, int64_t part_bytes, enum error_code code)
{
    struct multipart_plan plan;
    struct error error;
    assert_false(multipart_plan_init(&plan, total_bytes, part_bytes, &error));
    assert_int_equal(error.code, code);
    multipart_plan_clear(&plan);
}

static void refuses_what_has_no_parts(void **state)
{
    (void)state;
    assert_refused(0, 100, ERROR_INVALID);
    assert_refused(100, 0, ERROR_INVALID);
    assert_refused(100, -1, ERROR_INVALID);
}

static void refuses_too_many_parts(void **state)
{
    (void)state;
    assert_refused(MULTIPART_PLAN_PARTS_MAX + 1, 1, ERROR_TOO_LARGE);
}

static void gives_every_part_but_the_last_the_full_size(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(multipart_plan_init(&plan, 25, 10, &error));
    assert_int_equal(plan.part_count, 3);
    for (size_t number = 1; number <= 3; number++) {
        assert_true(multipart_plan_next(&plan, &range));
        assert_int_equal(range.number, number);
        assert_int_equal(range.offset, (number - 1) * 10);
        assert_int_equal(range.bytes, number == 3 ? 5 : 10);
    }
    assert_false(multipart_plan_next(&plan, &range));
    multipart_plan_clear(&plan);
}

static void makes_one_part_of_what_fits_into_one(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, 10, &error));
    assert_int_equal(plan.part_count, 1);
    multipart_plan_clear(&plan);
    assert_true(multipart_plan_init(&plan, 7, INT64_MAX, &error));
    assert_true(multipart_plan_next(&plan, &range));
    assert_int_equal(range.bytes, 7);
    multipart_plan_clear(&plan);
}

static void lists_etags_in_order_whatever_order_they_came_in(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(multipart_plan_init(&plan, 20, 10, &error));
    while (multipart_plan_next(&plan, &range))
        continue;
    multipart_plan_finish(&plan, 2, memory_copy_text("second"));
    assert_false(multipart_plan_is_done(&plan));
    multipart_plan_finish(&plan, 1, memory_copy_text("\"first\""));
    assert_true(multipart_plan_is_done(&plan));
    char *body = multipart_plan_completion(&plan);
    assert_string_equal(body, "{\"parts\":[{\"part_number\":1,\"etag\":\"\\\"first\\\"\"},"
                              "{\"part_number\":2,\"etag\":\"second\"}]}");
    free(body);
    multipart_plan_clear(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_has_no_parts),
        cmocka_unit_test(refuses_too_many_parts),
        cmocka_unit_test(gives_every_part_but_the_last_the_full_size),
        cmocka_unit_test(makes_one_part_of_what_fits_into_one),
        cmocka_unit_test(lists_etags_in_order_whatever_order_they_came_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
