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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_every_golden_version),
        cmocka_unit_test(an_unset_version_is_the_programs_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
