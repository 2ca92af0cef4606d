#include "libcommon/json/json_writer.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/secret.h"
#include "libcommon/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No realloc: it could leave a copy of a secret behind. */
static void reserve(struct json_writer *writer, size_t more)
{
    size_t needed = writer->length + more + 1;
    if (needed <= writer->capacity)
        return;
    size_t capacity = writer->capacity ? writer->capacity * 2 : 256;
    if (capacity < needed)
        capacity = needed;
    char *larger = memory_allocate(capacity);
    if (writer->length)
        memcpy(larger, writer->text, writer->length);
    size_t length = writer->length;
    json_writer_clear(writer);
    *writer = (struct json_writer){larger, length, capacity};
}

static void append(struct json_writer *writer, const char *bytes, size_t length)
{
    reserve(writer, length);
    if (length)
        memcpy(writer->text + writer->length, bytes, length);
    writer->length += length;
    writer->text[writer->length] = '\0';
}

static void append_text(struct json_writer *writer, const char *text)
{
    append(writer, text, strlen(text));
}

/*
 * A comma goes between two items. What was written last tells: nothing that is complete ends in an opening
 * bracket or a colon, because a string ends in its quote.
 */
static void begin_item(struct json_writer *writer)
{
    if (writer->length > 0 && !strchr("{[:", writer->text[writer->length - 1]))
        append(writer, ",", 1);
}

void json_writer_open_object(struct json_writer *writer)
{
    begin_item(writer);
    append(writer, "{", 1);
}

void json_writer_close_object(struct json_writer *writer)
{
    append(writer, "}", 1);
}

void json_writer_open_array(struct json_writer *writer)
{
    begin_item(writer);
    append(writer, "[", 1);
}

void json_writer_close_array(struct json_writer *writer)
{
    append(writer, "]", 1);
}

static void append_escaped(struct json_writer *writer, char character)
{
    static const char specials[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    char escape[8];
    const char *found = memchr(specials, character, sizeof specials - 1);
    if (found)
        snprintf(escape, sizeof escape, "\\%c", letters[found - specials]);
    else
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)character);
    append_text(writer, escape);
}

static bool needs_escape(char character)
{
    return character == '"' || character == '\\' || (unsigned char)character < ' ';
}

static void append_quoted(struct json_writer *writer, const char *bytes, size_t length)
{
    append(writer, "\"", 1);
    for (size_t i = 0; i < length;) {
        uint32_t code_point;
        size_t count = utf8_decode(bytes + i, length - i, &code_point);
        if (count == 0)
            append_text(writer, "\xef\xbf\xbd");
        else if (needs_escape(bytes[i]))
            append_escaped(writer, bytes[i]);
        else
            append(writer, bytes + i, count);
        i += count ? count : 1;
    }
    append(writer, "\"", 1);
}

void json_writer_key(struct json_writer *writer, const char *name)
{
    begin_item(writer);
    append_quoted(writer, name, strlen(name));
    append(writer, ":", 1);
}

void json_writer_string_bytes(struct json_writer *writer, const char *bytes, size_t length)
{
    begin_item(writer);
    append_quoted(writer, bytes, length);
}

void json_writer_string(struct json_writer *writer, const char *text)
{
    if (text)
        json_writer_string_bytes(writer, text, strlen(text));
    else
        json_writer_raw(writer, "null", 4);
}

void json_writer_raw(struct json_writer *writer, const char *json, size_t length)
{
    begin_item(writer);
    append(writer, json, length);
}

void json_writer_int64(struct json_writer *writer, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number);
    json_writer_raw(writer, digits, (size_t)length);
}

void json_writer_bool(struct json_writer *writer, bool truth)
{
    const char *word = truth ? "true" : "false";
    json_writer_raw(writer, word, strlen(word));
}

void json_writer_string_member(struct json_writer *writer, const char *name, const char *text)
{
    json_writer_key(writer, name);
    json_writer_string(writer, text);
}

void json_writer_int64_member(struct json_writer *writer, const char *name, int64_t number)
{
    json_writer_key(writer, name);
    json_writer_int64(writer, number);
}

char *json_writer_take(struct json_writer *writer)
{
    reserve(writer, 0);
    char *text = writer->text;
    *writer = JSON_WRITER_EMPTY;
    return text;
}

void json_writer_clear(struct json_writer *writer)
{
    secret_free_bytes(writer->text, writer->length);
    *writer = JSON_WRITER_EMPTY;
}
