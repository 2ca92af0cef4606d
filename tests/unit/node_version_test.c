#include "services/authd/dds/node_version.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void resolves_every_golden_version(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("semver.json");
    json_array_foreach(cases, index, vector)
    {
        bool warn;
        vectors_announce(vector);
        char *version = node_version_resolve(vectors_text(vector, "input"), "fallback", &warn);
        assert_string_equal(version, vectors_text(vector, "expected"));
        assert_int_equal(warn, json_is_true(json_object_get(vector, "warn")));
        free(version);
    }
    json_decref(cases);
}

static void an_unset_version_is_the_programs_own(void **state)
{
    (void)state;
    bool warn;
    char *version = node_version_resolve(NULL, "0.1.0", &warn);
    assert_string_equal(version, "0.1.0");
    free(version);
}

static void tells_versions_from_what_only_looks_like_one(void **state)
{
    (void)state;
    static const char *const versions[] = {"0.0.0",        "1.2.3",         "10.20.30",  "1.2.3-a",
                                           "1.2.3-0",      "1.2.3-a.0.b-c", "1.2.3-0a",  "1.2.3+001",
                                           "1.2.3-x+y.0z", "1.2.3--",       "1.2.3-Az9", "1.2.3+-"};
    static const char *const others[] = {
        "",         "1",       "1.2",       "1.2.",           "1.2.3.",   "1.2.3.4",
        "01.2.3",   "1.02.3",  "1.2.03",    "1.2.3-",         "1.2.3-01", "1.2.3-a..b",
        "1.2.3-a.", "1.2.3+",  "1.2.3+a_b", "1.2.3+a+b",      "a.b.c",    "1.2.x",
        "-1.2.3",   "1.2.3 ",  "1,2,3",     "1.2.3-\xc3\xb6", "1.2.3-a@", "1.2.3-a`",
        "1.2.3-a{", "1.2.3-a["};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        assert_true(node_version_is_semver(versions[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(node_version_is_semver(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_every_golden_version),
        cmocka_unit_test(an_unset_version_is_the_programs_own),
        cmocka_unit_test(tells_versions_from_what_only_looks_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
