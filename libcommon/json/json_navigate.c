/* The part of json_text.h that walks through values which json_text_parse() has checked. */
#include "libcommon/json/json_text.h"

#include <stdlib.h>
#include <string.h>

static struct json_iterator iterate(struct json_slice value, enum json_text_type type)
{
    if (json_text_type(value) != type)
        return (struct json_iterator){NULL, NULL};
    return (struct json_iterator){value.text + 1, value.text + value.length - 1};
}

struct json_iterator json_text_members(struct json_slice object)
{
    return iterate(object, JSON_TEXT_OBJECT);
}

struct json_iterator json_text_elements(struct json_slice array)
{
    return iterate(array, JSON_TEXT_ARRAY);
}

/* Between items stand white space, commas and colons only: the text was checked. */
static void skip_separators(struct json_iterator *iterator)
{
    while (iterator->position < iterator->end && strchr(" \t\r\n,:", *iterator->position))
        iterator->position++;
}

static const char *end_of_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

/* Brackets inside strings do not count; those outside pair up, as the text was checked. */
static const char *end_of_container(const char *at, const char *end)
{
    for (size_t depth = 0; at < end;) {
        if (*at == '"') {
            at = end_of_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return end;
}

static const char *end_of_value(const char *at, const char *end)
{
    if (*at == '"')
        return end_of_string(at, end);
    if (*at == '{' || *at == '[')
        return end_of_container(at, end);
    while (at < end && !strchr(" \t\r\n,]}", *at))
        at++;
    return at;
}

bool json_text_next_element(struct json_iterator *iterator, struct json_slice *element)
{
    if (!iterator->position)
        return false;
    skip_separators(iterator);
    if (iterator->position >= iterator->end)
        return false;
    const char *end = end_of_value(iterator->position, iterator->end);
    /* Cannot be in a checked text; were it so, a loop over the items must end all the same. */
    if (end == iterator->position)
        return false;
    *element = (struct json_slice){iterator->position, (size_t)(end - iterator->position)};
    iterator->position = end;
    return true;
}

bool json_text_next_member(struct json_iterator *iterator, struct json_slice *name, struct json_slice *value)
{
    return json_text_next_element(iterator, name) && json_text_next_element(iterator, value);
}

static bool name_is(struct json_slice raw, const char *name)
{
    struct error ignored;
    if (!memchr(raw.text, '\\', raw.length))
        return raw.length == strlen(name) + 2 && memcmp(raw.text + 1, name, raw.length - 2) == 0;
    char *decoded = json_text_decode_string(raw, &ignored);
    bool equal = decoded && strcmp(decoded, name) == 0;
    free(decoded);
    return equal;
}

bool json_text_member(struct json_slice object, const char *name, struct json_slice *value,
                      struct error *error)
{
    struct json_iterator members = json_text_members(object);
    struct json_slice key;
    struct json_slice candidate;
    bool found = false;
    *value = (struct json_slice){NULL, 0};
    while (json_text_next_member(&members, &key, &candidate)) {
        if (!name_is(key, name))
            continue;
        if (found)
            return error_set(error, ERROR_INVALID, "%s: the name occurs twice", name);
        found = true;
        if (json_text_type(candidate) != JSON_TEXT_NULL)
            *value = candidate;
    }
    return true;
}
