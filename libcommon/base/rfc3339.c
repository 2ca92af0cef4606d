#include "libcommon/base/rfc3339.h"

#include "libcommon/base/text.h"

#include <stdio.h>
#include <string.h>

static const int64_t second_ns = 1000000000;

struct date_time {
    int year, month, day, hour, minute, second;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; March begins the year, so that a leap day ends
 * it. */
static int64_t days_from_date(int year, int month, int day)
{
    int64_t shifted = (int64_t)year - (month <= 2);
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, struct date_time *date)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    date->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    date->month = (int)(month < 10 ? month + 3 : month - 9);
    date->year = (int)(year_of_era + era * 400 + (date->month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

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

static bool read_date_time(const char **at, struct date_time *out)
{
    return read_number(at, 4, 0, 9999, &out->year) && read_character(at, "-") &&
           read_number(at, 2, 1, 12, &out->month) && read_character(at, "-") &&
           read_number(at, 2, 1, days_in_month(out->year, out->month), &out->day) &&
           read_character(at, "Tt") && read_number(at, 2, 0, 23, &out->hour) && read_character(at, ":") &&
           read_number(at, 2, 0, 59, &out->minute) && read_character(at, ":") &&
           read_number(at, 2, 0, 59, &out->second);
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
    struct date_time date;
    int64_t fraction_ns;
    int64_t offset;
    if (!read_date_time(&at, &date) || !read_fraction(&at, &fraction_ns) || !read_offset(&at, &offset) || *at)
        return error_set(error, ERROR_INVALID, "not an RFC 3339 time: %.64s", text);
    int second_of_day = date.hour * 3600 + date.minute * 60 + date.second;
    int64_t seconds = days_from_date(date.year, date.month, date.day) * 86400 + second_of_day - offset;
    /* In the first second that fits, the second alone would not. */
    __int128 exact_ns = (__int128)seconds * second_ns + fraction_ns;
    *unix_ns = exact_ns < INT64_MIN ? INT64_MIN : exact_ns > INT64_MAX ? INT64_MAX : (int64_t)exact_ns;
    return true;
}

static int64_t divide_down(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

static void format(int64_t seconds, int64_t fraction, int fraction_digits, char out[RFC3339_BYTES])
{
    static const int64_t first = -62167219200; /* 0000-01-01T00:00:00Z */
    static const int64_t last = 253402300799;  /* 9999-12-31T23:59:59Z */
    struct date_time date;
    if (seconds < first || seconds > last)
        seconds = seconds < first ? first : last;
    int64_t days = divide_down(seconds, 86400);
    int second_of_day = (int)(seconds - days * 86400);
    date_from_days(days, &date);
    snprintf(out, RFC3339_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%0*uZ", (unsigned)date.year % 10000U,
             (unsigned)date.month % 100U, (unsigned)date.day % 100U, (unsigned)second_of_day / 3600U % 24U,
             (unsigned)second_of_day / 60U % 60U, (unsigned)second_of_day % 60U, fraction_digits,
             (unsigned)fraction);
}

char *rfc3339_format_nanoseconds(int64_t unix_ns, char out[RFC3339_BYTES])
{
    int64_t seconds = divide_down(unix_ns, second_ns);
    int64_t fraction = unix_ns % second_ns;
    format(seconds, fraction < 0 ? fraction + second_ns : fraction, 9, out);
    return out;
}

char *rfc3339_format_milliseconds(int64_t unix_ms, char out[RFC3339_BYTES])
{
    int64_t seconds = divide_down(unix_ms, 1000);
    int64_t fraction = unix_ms % 1000;
    format(seconds, fraction < 0 ? fraction + 1000 : fraction, 3, out);
    return out;
}
