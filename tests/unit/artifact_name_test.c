#include "services/stored/artifacts/artifact_name.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* docs/network.md 4.2: an object at the server is its name and its type. */
static void outputs_of_different_types_do_not_overwrite_each_other(void **state)
{
    (void)state;
    struct artifact_name left = {
        .logical_path = (char[]){"p/a/b"}, .name = (char[]){"p_a_b_t"}, .data_type = (char[]){"ply"}};
    struct artifact_name right = {
        .logical_path = (char[]){"p/a_b"}, .name = (char[]){"p_a_b_t"}, .data_type = (char[]){"ply"}};
    assert_true(artifact_name_collides(&left, &right));
    right.data_type = (char[]){"json"};
    assert_false(artifact_name_collides(&left, &right));
    right.data_type = (char[]){"ply"};
    right.name = (char[]){"p_a_c_t"};
    assert_false(artifact_name_collides(&left, &right));
    assert_false(artifact_name_collides(&right, &left));
    right.name = left.name;
    right.logical_path = left.logical_path;
    assert_false(artifact_name_collides(&left, &right));
}

static void assert_logical_path(const char *prefix, const char *rel_path, const char *expected)
{
    struct artifact_name artifact;
    struct error error;
    assert_true(artifact_name_build(prefix, rel_path, "t", &artifact, &error));
    assert_string_equal(artifact.logical_path, expected);
    artifact_name_clear(&artifact);
    assert_null(artifact.logical_path);
}

static void a_prefix_stands_before_the_path_with_one_slash(void **state)
{
    (void)state;
    assert_logical_path("p", "a", "p/a");
    assert_logical_path("//p/q//", "/a/b", "p/q/a/b");
    assert_logical_path("", "a", "a");
    assert_logical_path("///", "//a", "a");
    assert_logical_path(NULL, "a", "a");
    assert_logical_path("p", "a//b", "p/a//b");
}

static void every_extension_that_keeps_its_name_does(void **state)
{
    (void)state;
    static const char *const types[][2] = {
        {"x.json", "json"},    {"x.PLY", "ply"},   {"x.glb", "glb"},       {"x.obj", "obj"},
        {"d.x/y.csv", "csv"},  {"x.mp4", "mp4"},   {"x.drc", "ply_draco"}, {"x.ply.gz", "gz_data"},
        {"x.tar", "tar_data"}, {"a.b/c", "binary"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_data_type(types[i][0], types[i][1]);
}

static void says_which_output_is_refused(void **state)
{
    (void)state;
    struct artifact_name artifact;
    struct error error;
    assert_false(artifact_name_build("p", "a/../b", "t", &artifact, &error));
    assert_string_equal(error.text, "an output's path must not have a . or .. component: a/../b");
    assert_false(artifact_name_build("p", "a/", "t", &artifact, &error));
    assert_string_equal(error.text, "an output's path needs a file name: \"a/\"");
    static const char *const kept[] = {"a..b", ".a/b", "..a", "a./b", "a/...", "a/b..", "a/.b"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        assert_logical_path(NULL, kept[i], kept[i]);
}

static void a_long_path_is_cut_between_characters(void **state)
{
    (void)state;
    char path[256] = "../";
    struct artifact_name artifact;
    struct error error;
    for (size_t i = 0; i < 100; i++) /* the 128th byte is the first half of one */
        path[3 + 2 * i] = '\xc3', path[4 + 2 * i] = '\xa9';
    assert_false(artifact_name_build("p", path, "t", &artifact, &error));
    size_t length = strlen(error.text);
    assert_memory_equal(error.text + length - 2, "\xc3\xa9", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_refuses_every_golden_output),
        cmocka_unit_test(refuses_paths_that_lead_elsewhere_or_name_no_file),
        cmocka_unit_test(a_name_without_an_extension_is_binary),
        cmocka_unit_test(dots_inside_a_component_are_kept),
        cmocka_unit_test(tells_outputs_that_would_overwrite_each_other),
        cmocka_unit_test(outputs_of_different_types_do_not_overwrite_each_other),
        cmocka_unit_test(a_prefix_stands_before_the_path_with_one_slash),
        cmocka_unit_test(every_extension_that_keeps_its_name_does),
        cmocka_unit_test(says_which_output_is_refused),
        cmocka_unit_test(a_long_path_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
