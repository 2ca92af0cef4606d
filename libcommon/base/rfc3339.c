#include "libcommon/base/rfc3339.h"

#include "libcommon/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const int64_t second_ns = 1000000000;

/* Reads exactly `digits` digits within [low, high]. */
static bool read_number(const char **at, int digits, int low, int high, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (!text_is_digit(**at))
            return false;
        *number = *number * 10 + (**at - '0');
    }
    return *number >= low && *number <= high;
}

static bool read_character(const char **at, const char *allowed)
{
    if (**at == '\0' || !strchr(allowed, **at))
        return false;
    (*at)++;
    return true;
}

/* In seconds of Unix time. */
static bool read_date_time(const char **at, int64_t *seconds)
{
    struct tm read = {0};
    if (!read_number(at, 4, 0, 9999, &read.tm_year) || !read_character(at, "-") ||
        !read_number(at, 2, 1, 12, &read.tm_mon) || !read_character(at, "-") ||
        !read_number(at, 2, 1, 31, &read.tm_mday) || !read_character(at, "Tt") ||
        !read_number(at, 2, 0, 23, &read.tm_hour) || !read_character(at, ":") ||
        !read_number(at, 2, 0, 59, &read.tm_min) || !read_character(at, ":") ||
        !read_number(at, 2, 0, 59, &read.tm_sec))
        return false;
    read.tm_year -= 1900;
    read.tm_mon--;
    struct tm moment = read;
    *seconds = timegm(&moment);
    /* timegm() takes the 30th of February for a day in March. */
    return moment.tm_mday == read.tm_mday;
}

/* Without a fraction there is nothing to read; a dot needs at least one digit. */
static bool read_fraction(const char **at, int64_t *ns)
{
    *ns = 0;
    if (**at != '.')
        return true;
    (*at)++;
    if (!text_is_digit(**at))
        return false;
    for (int64_t unit = second_ns / 10; text_is_digit(**at); (*at)++, unit /= 10)
        *ns += (**at - '0') * unit;
    return true;
}

static bool read_offset(const char **at, int64_t *seconds)
{
    int hours;
    int minutes;
    *seconds = 0;
    if (read_character(at, "Zz"))
        return true;
    int64_t sign = **at == '-' ? -1 : 1;
    if (!read_character(at, "+-") || !read_number(at, 2, 0, 23, &hours) || !read_character(at, ":") ||
        !read_number(at, 2, 0, 59, &minutes))
        return false;
    *seconds = sign * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
    return true;
}

bool rfc3339_parse(const char *text, int64_t *unix_ns, struct error *error)
{
    const char *at = text;
    int64_t seconds;
    int64_t fraction_ns;
    int64_t offset;
    if (!read_date_time(&at, &seconds) || !read_fraction(&at, &fraction_ns) || !read_offset(&at, &offset) ||
        *at)
        return error_set(error, ERROR_INVALID, "not an RFC 3339 time");
    /* In the first second that fits, the second alone would not. */
    __int128 exact_ns = (__int128)(seconds - offset) * second_ns + fraction_ns;
    *unix_ns = exact_ns < INT64_MIN ? INT64_MIN : exact_ns > INT64_MAX ? INT64_MAX : (int64_t)exact_ns;
    return true;
}

/* `per_second` ticks are a second, which `digits` digits write. */
static char *format(int64_t ticks, int64_t per_second, int digits, char out[RFC3339_BYTES])
{
    static const int64_t first = -62167219200; /* 0000-01-01T00:00:00Z */
    static const int64_t last = 253402300799;  /* 9999-12-31T23:59:59Z */
    struct tm utc;
    int64_t fraction = ticks % per_second;
    time_t seconds = ticks / per_second - (fraction < 0);
    if (seconds < first || seconds > last)
        seconds = seconds < first ? first : last;
    gmtime_r(&seconds, &utc);
    /* A year of four digits is more than %Y promises. */
    size_t length = (size_t)snprintf(out, RFC3339_BYTES, "%04d", utc.tm_year + 1900);
    length += strftime(out + length, RFC3339_BYTES - length, "-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, RFC3339_BYTES - length, ".%0*dZ", digits,
             (int)(fraction < 0 ? fraction + per_second : fraction));
    return out;
}

char *rfc3339_format_nanoseconds(int64_t unix_ns, char out[RFC3339_BYTES])
{
    return format(unix_ns, second_ns, 9, out);
}

char *rfc3339_format_milliseconds(int64_t unix_ms, char out[RFC3339_BYTES])
{
    return format(unix_ms, 1000, 3, out);
}
