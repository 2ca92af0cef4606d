#include "services/stored/artifacts/artifact_name.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void names_and_refuses_every_golden_output(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("names.json");
    json_array_foreach(cases, index, vector)
    {
        struct artifact_name artifact;
        struct error error;
        if (!vectors_is_kind(vector, "artifact"))
            continue;
        vectors_announce(vector);
        bool named = artifact_name_build(vectors_text(vector, "prefix"), vectors_text(vector, "rel_path"),
                                         vectors_text(vector, "task_id"), &artifact, &error);
        assert_int_equal(named, json_object_get(vector, "error") == NULL);
        if (named) {
            assert_string_equal(artifact.logical_path, vectors_text(vector, "logical_path"));
            assert_string_equal(artifact.name, vectors_text(vector, "name"));
            assert_string_equal(artifact.data_type, vectors_text(vector, "data_type"));
        }
        artifact_name_clear(&artifact);
    }
    json_decref(cases);
}

static void refuses_paths_that_lead_elsewhere_or_name_no_file(void **state)
{
    (void)state;
    static const char *const paths[] = {"",    "/",    ".",     "..", "a/../b", "./a",
                                        "a/.", "a/..", "/../a", "a/", "a/./b"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct artifact_name artifact;
        struct error error;
        assert_false(artifact_name_build("p", paths[i], "t", &artifact, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_null(artifact.name);
    }
}

static void assert_data_type(const char *path, const char *expected)
{
    char *data_type = artifact_name_data_type(path);
    assert_string_equal(data_type, expected);
    free(data_type);
}

static void a_name_without_an_extension_is_binary(void **state)
{
    (void)state;
    assert_data_type("x", "binary");
    assert_data_type("x.", "binary");
    assert_data_type(".x", "binary");
    assert_data_type("d.ply/x", "binary");
    assert_data_type("d/.json", "binary");
    assert_data_type("x.J\xc3\x96N", "j_n_data");
    assert_data_type("x.\xff\xfe", "___data");
}

static void dots_inside_a_component_are_kept(void **state)
{
    (void)state;
    struct artifact_name artifact;
    struct error error;
    assert_true(artifact_name_build(NULL, "..a/...", "t", &artifact, &error));
    assert_string_equal(artifact.logical_path, "..a/...");
    artifact_name_clear(&artifact);
}

static void tells_outputs_that_would_overwrite_each_other(void **state)
{
    (void)state;
    struct artifact_name folder;
    struct artifact_name flat;
    struct error error;
    assert_true(artifact_name_build("p", "a/b", "t", &folder, &error));
    assert_true(artifact_name_build("p", "a_b", "t", &flat, &error));
    assert_true(artifact_name_collides(&folder, &flat));
    assert_false(artifact_name_collides(&folder, &folder));
    artifact_name_clear(&folder);
    artifact_name_clear(&flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_refuses_every_golden_output),
        cmocka_unit_test(refuses_paths_that_lead_elsewhere_or_name_no_file),
        cmocka_unit_test(a_name_without_an_extension_is_binary),
        cmocka_unit_test(dots_inside_a_component_are_kept),
        cmocka_unit_test(tells_outputs_that_would_overwrite_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
