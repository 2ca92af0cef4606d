#include "tests/devnet/moment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t moment_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *moment_text(int64_t ms, char text[MOMENT_TEXT_BYTES])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    size_t length;

    gmtime_r(&seconds, &parts);
    length = strftime(text, MOMENT_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, MOMENT_TEXT_BYTES - length, ".%03dZ", (int)(ms % 1000));
    return text;
}

/* The digits at `text`, up to the next character that is none; the shape was checked before. */
static int number_at(const char *text)
{
    return (int)strtol(text, NULL, 10);
}

bool moment_parse_nine_digits(const char *text, int64_t *ms)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
    struct tm parts = {0};
    char again[MOMENT_TEXT_BYTES];
    time_t seconds;

    if (strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    parts.tm_year = number_at(text) - 1900;
    parts.tm_mon = number_at(text + 5) - 1;
    parts.tm_mday = number_at(text + 8);
    parts.tm_hour = number_at(text + 11);
    parts.tm_min = number_at(text + 14);
    parts.tm_sec = number_at(text + 17);
    seconds = timegm(&parts);

    /* timegm silently carries a 13th month or a second of 60 over, so the day must come back as it was
     * written. */
    gmtime_r(&seconds, &parts);
    strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%S", &parts);
    if (strncmp(again, text, 19) != 0)
        return false;
    *ms = (int64_t)seconds * 1000 + strtol((char[4]){text[20], text[21], text[22], 0}, NULL, 10);
    return true;
}
