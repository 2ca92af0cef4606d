#include "services/stored/inputs/input_path.h"

#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_path(struct input_path_set *set, const char *name, const char *data_type,
                        const char *expected)
{
    char *path = input_path_assign(set, name, data_type);
    assert_string_equal(path, expected);
    free(path);
}

static void places_every_golden_input(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("names.json");
    json_array_foreach(cases, index, vector)
    {
        if (!vectors_is_kind(vector, "input"))
            continue;
        vectors_announce(vector);
        struct input_path_set *set = input_path_set_create();
        assert_path(set, vectors_text(vector, "name"), vectors_text(vector, "data_type"),
                    vectors_text(vector, "path"));
        input_path_set_free(set);
    }
    json_decref(cases);
}

static void numbers_inputs_that_would_lie_on_one_path(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, "a", "ply", "datasets/a/a.ply");
    assert_path(set, "a", "ply", "datasets/a/a-2.ply");
    assert_path(set, "a", "csv", "datasets/a/a.csv");
    assert_path(set, "a", "ply", "datasets/a/a-3.ply");
    /* Different names that are cleaned to one. */
    assert_path(set, "x/y", "ply", "datasets/x_y/x_y.ply");
    assert_path(set, "x.y", "ply", "datasets/x_y/x_y-2.ply");
    input_path_set_free(set);
}

static void passes_over_a_number_that_is_a_name_of_its_own(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, "a-2024-05-01-12-30-45", "ply",
                "datasets/2024-05-01-12-30-45/a-2024-05-01-12-30-45.ply");
    assert_path(set, "2024-05-01_12-30-45", "ply", "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45.ply");
    assert_path(set, "2024-05-01_12-30-45-2", "ply",
                "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45-2.ply");
    assert_path(set, "2024-05-01_12-30-45", "ply", "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45-3.ply");
    assert_path(set, "2024-05-01_12-30-45-2", "ply",
                "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45-2-2.ply");
    input_path_set_free(set);
}

static void a_missing_name_or_type_is_part(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, NULL, NULL, "datasets/part/part.part");
    assert_path(set, NULL, NULL, "datasets/part/part-2.part");
    input_path_set_free(set);
}

static void replaces_each_invalid_byte(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, "a\xff\xc3z\xe6\x97", "x", "datasets/a__z__/a__z__.x");
    input_path_set_free(set);
}

/* Ten thousand parts of one name are allowed in an answer; counting anew for each would be quadratic. */
static void numbers_ten_thousand_inputs_of_one_name(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, "n", "x", "datasets/n/n.x");
    for (int number = 2; number <= 10000; number++) {
        char *expected = memory_format("datasets/n/n-%d.x", number);
        assert_path(set, "n", "x", expected);
        free(expected);
    }
    input_path_set_free(set);
}

static void paths_from_before_a_restart_are_not_given_again(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    input_path_take(set, "datasets/a/a.ply");
    input_path_take(set, "datasets/a/a-2.ply");
    input_path_take(set, "datasets/a/a.ply");
    assert_path(set, "a", "ply", "datasets/a/a-3.ply");
    assert_path(set, "b", "ply", "datasets/b/b.ply");
    input_path_set_free(set);
    input_path_set_free(NULL);
}

static void files_of_one_moment_lie_together(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"x_2024-05-01_12-30-45_y", "datasets/2024-05-01_12-30-45/x_2024-05-01_12-30-45_y.t"},
        {"2024-05-01-12-30-45", "datasets/2024-05-01-12-30-45/2024-05-01-12-30-45.t"},
        {"12024-05-01_12-30-45", "datasets/2024-05-01_12-30-45/12024-05-01_12-30-45.t"},
        {"2024-05-01 12-30-45", "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45.t"},
        {"2024-05-01_12:30:45", "datasets/2024-05-01_12_30_45/2024-05-01_12_30_45.t"},
        {"2024-05-01_12-30-4", "datasets/2024-05-01_12-30-4/2024-05-01_12-30-4.t"},
        {"2024+05-01_12-30-45", "datasets/2024_05-01_12-30-45/2024_05-01_12-30-45.t"},
        {"2024-05-01.12-30-45", "datasets/2024-05-01_12-30-45/2024-05-01_12-30-45.t"},
        {"z2024-05-01.12-30-45", "datasets/z2024-05-01_12-30-45/z2024-05-01_12-30-45.t"},
        {"z2024+05-01_12-30-45", "datasets/z2024_05-01_12-30-45/z2024_05-01_12-30-45.t"},
        {"z2024_05_01_12-30-45", "datasets/z2024_05_01_12-30-45/z2024_05_01_12-30-45.t"},
        {"2024_05_01_12-30-45", "datasets/2024_05_01_12-30-45/2024_05_01_12-30-45.t"},
        {"a b", "datasets/a_b/a_b.t"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct input_path_set *set = input_path_set_create();
        assert_path(set, names[i][0], "t", names[i][1]);
        input_path_set_free(set);
    }
}

static void an_empty_name_or_type_is_part(void **state)
{
    (void)state;
    struct input_path_set *set = input_path_set_create();
    assert_path(set, "", "", "datasets/part/part.part");
    assert_path(set, "", "ply", "datasets/part/part.ply");
    assert_path(set, "a", "", "datasets/a/a.part");
    assert_path(set, "a", "../x", "datasets/a/a.___x");
    input_path_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_every_golden_input),
        cmocka_unit_test(numbers_inputs_that_would_lie_on_one_path),
        cmocka_unit_test(passes_over_a_number_that_is_a_name_of_its_own),
        cmocka_unit_test(a_missing_name_or_type_is_part),
        cmocka_unit_test(replaces_each_invalid_byte),
        cmocka_unit_test(numbers_ten_thousand_inputs_of_one_name),
        cmocka_unit_test(paths_from_before_a_restart_are_not_given_again),
        cmocka_unit_test(files_of_one_moment_lie_together),
        cmocka_unit_test(an_empty_name_or_type_is_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
