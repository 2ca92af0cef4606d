#include "libcommon/base/text.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool text_is_space(char character)
{
    return character == ' ' || (character >= '\t' && character <= '\r');
}

void text_trim(const char **text, size_t *length)
{
    while (*length > 0 && text_is_space((*text)[*length - 1]))
        (*length)--;
    while (*length > 0 && text_is_space(**text)) {
        (*text)++;
        (*length)--;
    }
}

char *text_copy_trimmed(const char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    text_trim(&text, &length);
    return memory_copy_bytes(text, length);
}

bool text_is_blank(const char *text)
{
    while (text && text_is_space(*text))
        text++;
    return !text || *text == '\0';
}

char text_lower(char character)
{
    if (character >= 'A' && character <= 'Z')
        return (char)(character - 'A' + 'a');
    return character;
}

bool text_is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Nobody calls setlocale() here, so to the C library only ASCII letters are letters. */
bool text_starts_with_any_case(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

bool text_equal_any_case(const char *text, size_t length, const char *other)
{
    return strlen(other) == length && strncasecmp(text, other, length) == 0;
}

const char *text_plural(size_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

size_t text_cut(const char *text, size_t length, size_t limit)
{
    if (length <= limit)
        return length;
    size_t start = limit;
    while (start > 0 && limit - start < UTF8_MAX_BYTES) {
        size_t bytes = utf8_sequence_bytes(text[--start]);
        if (bytes)
            return limit - start < bytes ? start : limit;
    }
    return limit;
}

void text_format_list(char *out, size_t capacity, const char *format, va_list arguments)
{
    int length = vsnprintf(out, capacity, format, arguments);
    out[length < 0 ? 0 : text_cut(out, (size_t)length, capacity - 1)] = '\0';
}

void text_format(char *out, size_t capacity, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_format_list(out, capacity, format, arguments);
    va_end(arguments);
}

const char *text_one_line(const char *text, size_t length, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0, step; i < length; i += step) {
        uint32_t code_point = 0;
        step = utf8_decode(text + i, length - i, &code_point);
        bool keep = step && !utf8_is_control(code_point) && !utf8_is_format(code_point);
        size_t bytes = keep ? step : 1;
        if (used + bytes + 1 > capacity)
            break;
        if (keep)
            memcpy(out + used, text + i, step);
        else
            out[used] = step ? ' ' : '?';
        used += bytes;
        step = step ? step : 1;
    }
    out[used] = '\0';
    return out;
}

char *text_copy_one_line(const char *text, size_t length)
{
    char *copy = memory_allocate(length + 1);
    text_one_line(text, length, copy, length + 1);
    return copy;
}
