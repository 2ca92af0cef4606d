#include "services/stored/artifacts/multipart_plan.h"

#include "libcommon/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static bool plan_whole(struct multipart_plan *plan, int64_t total_bytes, int64_t part_bytes,
                       struct error *error)
{
    return multipart_plan_init(plan, part_bytes, error) &&
           multipart_plan_extend(plan, total_bytes, true, error);
}

static void assert_refused(int64_t total_bytes, int64_t part_bytes, enum error_code code)
{
    struct multipart_plan plan;
    struct error error;
    assert_false(plan_whole(&plan, total_bytes, part_bytes, &error));
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
    assert_true(plan_whole(&plan, 25, 10, &error));
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
    assert_true(plan_whole(&plan, 10, 10, &error));
    assert_int_equal(plan.part_count, 1);
    multipart_plan_clear(&plan);
    assert_true(plan_whole(&plan, 7, INT64_MAX, &error));
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
    assert_true(plan_whole(&plan, 20, 10, &error));
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

/* --- an artifact that still grows --- */

static void assert_next(struct multipart_plan *plan, size_t number, int64_t offset, int64_t bytes)
{
    struct multipart_range range;
    assert_true(multipart_plan_next(plan, &range));
    assert_int_equal(range.number, number);
    assert_int_equal(range.offset, offset);
    assert_int_equal(range.bytes, bytes);
}

static void gives_full_parts_while_the_artifact_grows_and_the_rest_at_its_end(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error));
    assert_false(multipart_plan_next(&plan, &range));
    assert_true(multipart_plan_extend(&plan, 9, false, &error));
    assert_false(multipart_plan_next(&plan, &range));
    assert_true(multipart_plan_extend(&plan, 25, false, &error));
    assert_next(&plan, 1, 0, 10);
    assert_next(&plan, 2, 10, 10);
    assert_false(multipart_plan_next(&plan, &range));
    multipart_plan_finish(&plan, 1, memory_copy_text("a"));
    multipart_plan_finish(&plan, 2, memory_copy_text("b"));
    assert_false(multipart_plan_is_done(&plan));
    assert_true(multipart_plan_extend(&plan, 25, true, &error));
    assert_next(&plan, 3, 20, 5);
    multipart_plan_finish(&plan, 3, memory_copy_text("c"));
    assert_true(multipart_plan_is_done(&plan));
    multipart_plan_clear(&plan);
}

static void is_done_at_once_when_the_end_adds_nothing(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error) && multipart_plan_extend(&plan, 10, false, &error));
    assert_next(&plan, 1, 0, 10);
    multipart_plan_finish(&plan, 1, memory_copy_text("a"));
    assert_true(multipart_plan_extend(&plan, 10, true, &error));
    assert_true(multipart_plan_is_done(&plan));
    multipart_plan_clear(&plan);
}

static void refuses_to_shrink_and_to_grow_after_the_end(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error) && multipart_plan_extend(&plan, 20, false, &error));
    assert_false(multipart_plan_extend(&plan, 19, false, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_true(multipart_plan_extend(&plan, 21, true, &error));
    assert_false(multipart_plan_extend(&plan, 30, true, &error));
    assert_false(multipart_plan_extend(&plan, (int64_t)10 * (MULTIPART_PLAN_PARTS_MAX + 1), true, &error));
    multipart_plan_clear(&plan);
}

/* --- parts that are there from before a restart --- */

static void skips_what_the_server_has_already(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(plan_whole(&plan, 45, 10, &error));
    multipart_plan_finish(&plan, 2, memory_copy_text("b"));
    multipart_plan_finish(&plan, 5, memory_copy_text("e"));
    multipart_plan_finish(&plan, 5, memory_copy_text("again"));
    multipart_plan_finish(&plan, 6, memory_copy_text("there is no such part"));
    multipart_plan_finish(&plan, 0, memory_copy_text("nor such a one"));
    assert_int_equal(multipart_plan_done_bytes(&plan), 15);
    assert_next(&plan, 1, 0, 10);
    assert_next(&plan, 3, 20, 10);
    assert_next(&plan, 4, 30, 10);
    assert_false(multipart_plan_next(&plan, &range));
    multipart_plan_finish(&plan, 1, memory_copy_text("a"));
    multipart_plan_finish(&plan, 4, memory_copy_text("d"));
    assert_false(multipart_plan_is_done(&plan));
    multipart_plan_finish(&plan, 3, memory_copy_text("c"));
    assert_true(multipart_plan_is_done(&plan));
    multipart_plan_clear(&plan);
}

static void a_hundred_thousand_parts_are_taken_and_one_more_is_not(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(plan_whole(&plan, 1000000, 10, &error));
    assert_int_equal(plan.part_count, 100000);
    multipart_plan_clear(&plan);
    assert_refused(1000001, 10, ERROR_TOO_LARGE);
    assert_true(multipart_plan_init(&plan, 10, &error));
    assert_false(multipart_plan_extend(&plan, 1000011, true, &error));
    assert_string_equal(error.text, "1000011 bytes in parts of 10 are 100002 parts, the limit is 100000");
    multipart_plan_clear(&plan);
}

static void says_why_a_plan_is_refused(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_false(multipart_plan_init(&plan, 0, &error));
    assert_string_equal(error.text, "part_size must be above 0, got 0");
    assert_true(multipart_plan_init(&plan, 1, &error));
    assert_false(multipart_plan_extend(&plan, 0, true, &error));
    assert_string_equal(error.text, "an empty artifact has no parts");
    assert_true(multipart_plan_extend(&plan, 0, false, &error));
    assert_true(multipart_plan_extend(&plan, 5, true, &error));
    assert_false(multipart_plan_extend(&plan, 6, true, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_string_equal(error.text, "the artifact had 5 bytes and now has 6");
    assert_true(multipart_plan_extend(&plan, 5, true, &error));
    multipart_plan_clear(&plan);
}

/* An artifact grows by a part at a time: nothing of the parts before is lost. */
static void a_thousand_parts_one_after_the_other_are_all_there(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error));
    for (size_t number = 1; number <= 1000; number++) {
        char *etag = memory_format("e%zu", number);
        assert_true(multipart_plan_extend(&plan, (int64_t)number * 10, number == 1000, &error));
        assert_next(&plan, number, ((int64_t)number - 1) * 10, 10);
        multipart_plan_finish(&plan, number, etag);
        assert_int_equal(multipart_plan_done_bytes(&plan), number * 10);
        assert_int_equal(multipart_plan_is_done(&plan), number == 1000);
    }
    for (size_t i = 0; i < 1000; i++) {
        char *expected = memory_format("e%zu", i + 1);
        assert_string_equal(plan.etags[i], expected);
        free(expected);
    }
    multipart_plan_clear(&plan);
}

/* A program may write slowly first and then all the rest at once. */
static void an_artifact_may_grow_by_many_parts_at_once(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error) && multipart_plan_extend(&plan, 10, false, &error));
    assert_next(&plan, 1, 0, 10);
    multipart_plan_finish(&plan, 1, memory_copy_text("e"));
    assert_true(multipart_plan_extend(&plan, 10000, true, &error));
    for (size_t number = 2; number <= 1000; number++) {
        assert_next(&plan, number, ((int64_t)number - 1) * 10, 10);
        multipart_plan_finish(&plan, number, memory_copy_text("e"));
    }
    assert_true(multipart_plan_is_done(&plan));
    assert_int_equal(multipart_plan_done_bytes(&plan), 10000);
    multipart_plan_clear(&plan);
}

static void bytes_that_are_done_are_those_of_whole_parts_and_of_a_last_one(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct error error;
    assert_true(multipart_plan_init(&plan, 10, &error));
    assert_int_equal(multipart_plan_done_bytes(&plan), 0);
    assert_true(multipart_plan_extend(&plan, 23, false, &error));
    multipart_plan_finish(&plan, 2, memory_copy_text("b"));
    assert_int_equal(multipart_plan_done_bytes(&plan), 10);
    assert_true(multipart_plan_extend(&plan, 23, true, &error));
    assert_int_equal(multipart_plan_done_bytes(&plan), 10);
    multipart_plan_finish(&plan, 3, memory_copy_text("c"));
    assert_int_equal(multipart_plan_done_bytes(&plan), 13);
    multipart_plan_finish(&plan, 1, memory_copy_text("a"));
    assert_int_equal(multipart_plan_done_bytes(&plan), 23);
    multipart_plan_clear(&plan);
    assert_null(plan.etags);
}

static void skips_several_parts_in_a_row_that_are_there(void **state)
{
    (void)state;
    struct multipart_plan plan;
    struct multipart_range range;
    struct error error;
    assert_true(plan_whole(&plan, 60, 10, &error));
    for (size_t number = 2; number <= 4; number++)
        multipart_plan_finish(&plan, number, memory_copy_text("e"));
    multipart_plan_finish(&plan, 6, memory_copy_text("e"));
    assert_next(&plan, 1, 0, 10);
    assert_next(&plan, 5, 40, 10);
    assert_false(multipart_plan_next(&plan, &range));
    static const struct multipart_plan cleared;
    multipart_plan_clear(&plan);
    assert_memory_equal(&plan, &cleared, sizeof cleared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_has_no_parts),
        cmocka_unit_test(refuses_too_many_parts),
        cmocka_unit_test(gives_every_part_but_the_last_the_full_size),
        cmocka_unit_test(makes_one_part_of_what_fits_into_one),
        cmocka_unit_test(lists_etags_in_order_whatever_order_they_came_in),
        cmocka_unit_test(gives_full_parts_while_the_artifact_grows_and_the_rest_at_its_end),
        cmocka_unit_test(is_done_at_once_when_the_end_adds_nothing),
        cmocka_unit_test(refuses_to_shrink_and_to_grow_after_the_end),
        cmocka_unit_test(skips_what_the_server_has_already),
        cmocka_unit_test(a_hundred_thousand_parts_are_taken_and_one_more_is_not),
        cmocka_unit_test(says_why_a_plan_is_refused),
        cmocka_unit_test(a_thousand_parts_one_after_the_other_are_all_there),
        cmocka_unit_test(an_artifact_may_grow_by_many_parts_at_once),
        cmocka_unit_test(bytes_that_are_done_are_those_of_whole_parts_and_of_a_last_one),
        cmocka_unit_test(skips_several_parts_in_a_row_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
