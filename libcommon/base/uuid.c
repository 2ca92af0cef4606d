#include "libcommon/base/uuid.h"

#include "libcommon/base/hex.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static bool is_hyphen_place(size_t index)
{
    return index == 8 || index == 13 || index == 18 || index == 23;
}

bool uuid_is_valid(const char *text)
{
    if (!text)
        return false;
    /* The NUL of a short text is neither a hyphen nor a digit, so the loop never reads beyond it. */
    for (size_t i = 0; i < UUID_TEXT_BYTES - 1; i++)
        if (is_hyphen_place(i) ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return text[UUID_TEXT_BYTES - 1] == '\0';
}

char *uuid_format_random(const uint8_t random_bytes[UUID_BYTES], char out[UUID_TEXT_BYTES])
{
    uint8_t bytes[UUID_BYTES];
    char digits[2 * UUID_BYTES + 1];
    memcpy(bytes, random_bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    hex_encode(bytes, UUID_BYTES, digits);
    snprintf(out, UUID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%s", digits, digits + 8, digits + 12, digits + 16,
             digits + 20);
    return out;
}
