#include "libcommon/base/rfc3339.h"

#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* 400 years are all of the calendar: every day is the one after the day before, and no month has a day more.
 */
static void every_day_of_the_calendar_follows_the_one_before(void **state)
{
    (void)state;
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const int64_t day_ms = 86400000;
    int64_t unix_ms = -11676096000000; /* 1600-01-01, as other libraries count it */
    for (int year = 1600; year < 2001; year++)
        for (int month = 1; month <= 12; month++) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            int days = month_days[month - 1] + (month == 2 && leap);
            for (int day = 1; day <= days + 1; day++, unix_ms += day_ms) {
                char text[64];
                char out[RFC3339_BYTES];
                struct error error;
                int64_t unix_ns = 0;
                snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00.000Z", year, month, day);
                bool parsed = rfc3339_parse(text, &unix_ns, &error);
                assert_int_equal(parsed, day <= days);
                if (!parsed)
                    break;
                assert_string_equal(rfc3339_format_milliseconds(unix_ms, out), text);
                /* What 64 bits of nanoseconds hold begins in 1677. */
                if (year > 1677)
                    assert_int_equal(unix_ns, unix_ms * 1000000);
            }
        }
    assert_int_equal(unix_ms, 978307200000); /* 2001-01-01 */
}

static void every_second_of_a_day_is_told_from_the_others(void **state)
{
    (void)state;
    static const int64_t day_ms = 86400000;
    for (int64_t second = 0; second < 86400; second += 61) {
        char text[64];
        char out[RFC3339_BYTES];
        snprintf(text, sizeof text, "2001-01-01T%02d:%02d:%02d.999Z", (int)(second / 3600),
                 (int)(second / 60 % 60), (int)(second % 60));
        assert_string_equal(rfc3339_format_milliseconds(11323 * day_ms + second * 1000 + 999, out), text);
    }
}

static void refuses_a_text_that_ends_anywhere_before_its_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"2024-05-01T01:02:03.5+00:30", "2024-05-01t01:02:03-00:30",
                                        "2024-05-01T01:02:03.25Z"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t length = 0; length <= strlen(texts[i]); length++) {
            struct error error;
            int64_t unix_ns;
            char *cut = memory_copy_bytes(texts[i], length);
            assert_int_equal(rfc3339_parse(cut, &unix_ns, &error), length == strlen(texts[i]));
            free(cut);
        }
}

static void refuses_numbers_that_no_clock_shows_and_what_follows_a_time(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "2024-00-01T00:00:00Z",      "2024-13-01T00:00:00Z",    "2024-01-00T00:00:00Z",
        "2024-01-01T24:00:00Z",      "2024-01-01T00:60:00Z",    "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+00:60", "2024-01-01T00:00:00.Z",   "2024-01-01T00:00:00Zx",
        "2024-01-01T00:00:00 00:00", "2024-01-01T00:00:00",     "24-01-01T00:00:00Z",
        "2024/01/01T00:00:00Z",      "2024-01-01T00.00.00Z",    " 2024-01-01T00:00:00Z",
        "2024-1-01T00:00:00Z",       "+2024-01-01T00:00:00Z",   "2023-02-29T00:00:00Z",
        "2024-01-01T00:00:00+0:00",  "2024-01-01T00:00:00+0000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error error;
        int64_t unix_ns;
        assert_false(rfc3339_parse(texts[i], &unix_ns, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_string_equal(error.text, "not an RFC 3339 time");
    }
}

static void an_offset_moves_the_time_the_other_way(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ns;
    } times[] = {{"1970-01-01T00:00:00+23:59", -86340000000000},
                 {"1970-01-01T00:00:00-23:59", 86340000000000},
                 {"1970-01-01T01:30:00+01:30", 0},
                 {"1970-01-01T00:00:00.1234567899-00:00", 123456789},
                 {"1970-01-01T23:59:59z", 86399000000000}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct error error;
        int64_t unix_ns;
        assert_true(rfc3339_parse(times[i].text, &unix_ns, &error));
        assert_int_equal(unix_ns, times[i].unix_ns);
    }
}

static void a_time_outside_of_four_digit_years_is_written_as_the_nearest_inside(void **state)
{
    (void)state;
    char out[RFC3339_BYTES];
    assert_string_equal(rfc3339_format_milliseconds(-62167219200000, out), "0000-01-01T00:00:00.000Z");
    assert_string_equal(rfc3339_format_milliseconds(-62167219201000, out), "0000-01-01T00:00:00.000Z");
    assert_string_equal(rfc3339_format_milliseconds(253402300799999, out), "9999-12-31T23:59:59.999Z");
    assert_string_equal(rfc3339_format_milliseconds(253402300800000, out), "9999-12-31T23:59:59.000Z");
    assert_string_equal(rfc3339_format_milliseconds(INT64_MIN, out), "0000-01-01T00:00:00.192Z");
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
        cmocka_unit_test(every_day_of_the_calendar_follows_the_one_before),
        cmocka_unit_test(every_second_of_a_day_is_told_from_the_others),
        cmocka_unit_test(refuses_a_text_that_ends_anywhere_before_its_end),
        cmocka_unit_test(refuses_numbers_that_no_clock_shows_and_what_follows_a_time),
        cmocka_unit_test(an_offset_moves_the_time_the_other_way),
        cmocka_unit_test(a_time_outside_of_four_digit_years_is_written_as_the_nearest_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
