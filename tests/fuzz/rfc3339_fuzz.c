/*
 * Feeds a number of 64 bits and a text to the reader and the writers of times.
 *
 * Any number of nanoseconds survives being written and read; so does what a text was read as, and it is what
 * timegm() makes of the text's numbers.
 */
#include "libcommon/base/rfc3339.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check_written(int64_t unix_ns)
{
    char text[RFC3339_BYTES];
    struct error error = fuzz_no_error();
    int64_t again;
    rfc3339_format_nanoseconds(unix_ns, text);
    fuzz_expect(rfc3339_parse(text, &again, &error) && again == unix_ns, "a time survives being written");
    rfc3339_format_milliseconds(unix_ns, text);
    fuzz_expect(rfc3339_parse(text, &again, &error), "milliseconds are written as a time");
}

static void compare_with_timegm(const char *text, int64_t unix_ns)
{
    struct tm moment = {0};
    struct tm offset = {0};
    const char *time = strptime(text, "%Y-%m-%d", &moment);
    const char *rest = time ? strptime(time + 1, "%H:%M:%S", &moment) : NULL;
    fuzz_expect(rest != NULL, "a time has a date and a time");
    const char *sign = rest + strcspn(rest, "Zz+-");
    if (*sign == '+' || *sign == '-')
        fuzz_expect(strptime(sign + 1, "%H:%M", &offset) != NULL, "an offset has hours and minutes");
    int64_t offset_seconds = offset.tm_hour * INT64_C(3600) + offset.tm_min * INT64_C(60);
    int64_t seconds = timegm(&moment) - (*sign == '-' ? -offset_seconds : offset_seconds);
    int64_t read_seconds = unix_ns / 1000000000 - (unix_ns % 1000000000 < 0);
    bool saturated = unix_ns == INT64_MIN || unix_ns == INT64_MAX;
    fuzz_expect(saturated || seconds == read_seconds, "a time is what timegm() makes of it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct error error = fuzz_no_error();
    int64_t unix_ns;
    char *text = fuzz_take_text(&input, '\n');
    if (rfc3339_parse(text, &unix_ns, &error)) {
        check_written(unix_ns);
        compare_with_timegm(text, unix_ns);
    } else {
        fuzz_expect_error(&error);
    }
    free(text);
    check_written(fuzz_take_int64(&input));
    return 0;
}
