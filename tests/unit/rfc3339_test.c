#include "libcommon/base/rfc3339.h"

#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* strtoll stops at the ends of 64 bits, as rfc3339_parse does. */
static void reads_and_refuses_every_golden_text(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("rfc3339.json");
    json_array_foreach(cases, index, vector)
    {
        struct error error;
        int64_t unix_ns = 0;
        vectors_announce(vector);
        bool parsed = rfc3339_parse(vectors_text(vector, "text"), &unix_ns, &error);
        assert_int_equal(parsed, json_is_true(json_object_get(vector, "valid")));
        if (parsed)
            assert_int_equal(unix_ns, strtoll(vectors_text(vector, "unix_ns"), NULL, 10));
        else
            assert_int_equal(error.code, ERROR_INVALID);
    }
    json_decref(cases);
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {"1970-01-01T00:00:00.000000000Z", "2024-01-02T03:04:05.006007008Z",
                                        "2024-02-29T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z",
                                        "1900-03-01T00:00:00.000000001Z", "2262-04-11T23:47:16.854775807Z",
                                        "1677-09-21T00:12:43.145224192Z", "1677-09-21T00:12:43.145224193Z"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        char out[RFC3339_BYTES];
        int64_t unix_ns;
        assert_true(rfc3339_parse(texts[i], &unix_ns, &error));
        assert_string_equal(rfc3339_format_nanoseconds(unix_ns, out), texts[i]);
    }
}

static void writes_milliseconds_for_logs(void **state)
{
    (void)state;
    char out[RFC3339_BYTES];
    assert_string_equal(rfc3339_format_milliseconds(1704164645006, out), "2024-01-02T03:04:05.006Z");
    assert_string_equal(rfc3339_format_milliseconds(-1, out), "1969-12-31T23:59:59.999Z");
}

static void writes_the_ends_of_the_range_without_harm(void **state)
{
    (void)state;
    char out[RFC3339_BYTES];
    assert_string_equal(rfc3339_format_nanoseconds(INT64_MIN, out), "1677-09-21T00:12:43.145224192Z");
    assert_string_equal(rfc3339_format_nanoseconds(INT64_MAX, out), "2262-04-11T23:47:16.854775807Z");
    assert_string_equal(rfc3339_format_milliseconds(INT64_MAX, out), "9999-12-31T23:59:59.807Z");
    assert_string_equal(rfc3339_format_milliseconds(INT64_MIN, out), "0000-01-01T00:00:00.192Z");
}

static void a_time_before_64_bits_is_the_earliest(void **state)
{
    (void)state;
    struct error error;
    int64_t unix_ns;
    assert_true(rfc3339_parse("0001-01-01T00:00:00Z", &unix_ns, &error));
    assert_int_equal(unix_ns, INT64_MIN);
}

static void refuses_a_leap_second_and_a_space_for_t(void **state)
{
    (void)state;
    struct error error;
    int64_t unix_ns;
    assert_false(rfc3339_parse("2016-12-31T23:59:60Z", &unix_ns, &error));
    assert_false(rfc3339_parse("2024-05-01 00:00:00Z", &unix_ns, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses_every_golden_text),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(writes_milliseconds_for_logs),
        cmocka_unit_test(writes_the_ends_of_the_range_without_harm),
        cmocka_unit_test(refuses_a_leap_second_and_a_space_for_t),
        cmocka_unit_test(a_time_before_64_bits_is_the_earliest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
