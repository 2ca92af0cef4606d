/* The part of json_text.h that turns scalar values, which json_text_parse() has checked, into C values. */
#include "libcommon/json/json_text.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"

#include <stdlib.h>
#include <string.h>

static uint32_t read_four_digits(const char *digits)
{
    uint8_t bytes[2] = {0, 0};
    (void)hex_decode(digits, 4, bytes);
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* `at` stands behind "\u" with four checked digits. Returns 0 for a lone surrogate and for U+0000 itself. */
static uint32_t read_code_point(const char **at, const char *end)
{
    uint32_t first = read_four_digits(*at);
    *at += 4;
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return 0;
    uint32_t second = read_four_digits(*at + 2);
    if (second < 0xdc00 || second > 0xdfff)
        return 0;
    *at += 6;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

void json_text_replace_lone_surrogates(char *text)
{
    const char *end = text + strlen(text);
    char *at = text;
    while ((at = strchr(at, '\\')) != NULL) {
        at += 2;
        if (at[-1] != 'u')
            continue;
        const char *behind = at;
        bool is_lone = read_code_point(&behind, end) == 0 && read_four_digits(at) != 0;
        if (is_lone)
            memcpy(at, "fffd", 4);
        at += behind - at;
    }
}

static char plain_escape(char kind)
{
    static const char kinds[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    const char *found = strchr(kinds, kind);
    if (found)
        return meanings[found - kinds];
    return kind;
}

char *json_text_decode_string(struct json_slice value, struct error *error)
{
    if (json_text_type(value) != JSON_TEXT_STRING) {
        error_set(error, ERROR_INVALID, "a string was expected");
        return NULL;
    }
    /* An escape is never shorter than what it stands for. */
    char *decoded = memory_allocate(value.length);
    char *out = decoded;
    const char *end = value.text + value.length - 1;
    for (const char *at = value.text + 1; at < end;) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        if (at[1] != 'u') {
            *out++ = plain_escape(at[1]);
            at += 2;
            continue;
        }
        at += 2;
        uint32_t code_point = read_code_point(&at, end);
        if (code_point == 0) {
            free(decoded);
            error_set(error, ERROR_INVALID, "a string holds U+0000 or half of a surrogate pair");
            return NULL;
        }
        out += utf8_encode(code_point, out);
    }
    return decoded;
}

bool json_text_decode_int64(struct json_slice value, int64_t *number, struct error *error)
{
    bool negative = value.length > 0 && value.text[0] == '-';
    int64_t result = 0;
    if (json_text_type(value) != JSON_TEXT_NUMBER)
        return error_set(error, ERROR_INVALID, "an integer was expected");
    /* Built up below zero, so that INT64_MIN needs no care of its own. */
    for (size_t i = negative; i < value.length; i++) {
        if (!text_is_digit(value.text[i]))
            return error_set(error, ERROR_INVALID, "an integer was expected");
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_sub_overflow(result, value.text[i] - '0', &result))
            return error_set(error, ERROR_INVALID, "an integer does not fit 64 bits");
    }
    if (!negative && result == INT64_MIN)
        return error_set(error, ERROR_INVALID, "an integer does not fit 64 bits");
    *number = negative ? result : -result;
    return true;
}

bool json_text_decode_bool(struct json_slice value, bool *truth, struct error *error)
{
    if (json_text_type(value) != JSON_TEXT_BOOL)
        return error_set(error, ERROR_INVALID, "true or false was expected");
    *truth = value.text[0] == 't';
    return true;
}
