#include "services/stored/inputs/multipart_header.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdlib.h>
#include <string.h>

/* What is left of a header value. */
struct cursor {
    const char *at;
    const char *end;
};

struct parameter {
    const char *name; /* not NUL-terminated */
    size_t name_length;
    char *value;
};

enum step { STEP_PARAMETER, STEP_END, STEP_FAULT };

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && text_is_space(*cursor->at))
        cursor->at++;
}

static bool at_character(const struct cursor *cursor, char character)
{
    return cursor->at < cursor->end && *cursor->at == character;
}

/* Goes to the first of two characters or to the end; returns the trimmed text before it. */
static const char *take_until(struct cursor *cursor, char stop, char other_stop, size_t *length)
{
    const char *text = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != stop && *cursor->at != other_stop)
        cursor->at++;
    *length = (size_t)(cursor->at - text);
    text_trim(&text, length);
    return text;
}

/* Only \" and \\ are escapes: other backslashes are part of the value (docs/network.md 4.1). NULL without a
 * closing quote. */
static char *take_quoted(struct cursor *cursor)
{
    char *value = memory_allocate((size_t)(cursor->end - cursor->at) + 1);
    size_t used = 0;
    for (cursor->at++; cursor->at < cursor->end && *cursor->at != '"'; cursor->at++) {
        bool escaped = *cursor->at == '\\' && cursor->end - cursor->at > 1 &&
                       (cursor->at[1] == '"' || cursor->at[1] == '\\');
        if (escaped)
            cursor->at++;
        value[used++] = *cursor->at;
    }
    if (cursor->at == cursor->end) {
        free(value);
        return NULL;
    }
    cursor->at++;
    return value;
}

/* Reads "; name=value"; the caller frees the value. */
static enum step next_parameter(struct cursor *cursor, struct parameter *parameter)
{
    skip_blanks(cursor);
    if (cursor->at < cursor->end && *cursor->at != ';')
        return STEP_FAULT;
    while (at_character(cursor, ';')) {
        cursor->at++;
        skip_blanks(cursor);
    }
    if (cursor->at == cursor->end)
        return STEP_END;
    parameter->name = take_until(cursor, '=', ';', &parameter->name_length);
    if (!at_character(cursor, '=') || parameter->name_length == 0)
        return STEP_FAULT;
    cursor->at++;
    skip_blanks(cursor);
    if (at_character(cursor, '"')) {
        parameter->value = take_quoted(cursor);
        return parameter->value ? STEP_PARAMETER : STEP_FAULT;
    }
    size_t length;
    const char *token = take_until(cursor, ';', ';', &length);
    parameter->value = memory_copy_bytes(token, length);
    return STEP_PARAMETER;
}

static bool is_named(const struct parameter *parameter, const char *name)
{
    return text_equal_any_case(parameter->name, parameter->name_length, name);
}

static bool copy_boundary(const char *value, char boundary[MULTIPART_BOUNDARY_BYTES])
{
    size_t length = strlen(value);
    if (length == 0 || length >= MULTIPART_BOUNDARY_BYTES)
        return false;
    for (size_t i = 0; i < length; i++)
        if (value[i] < ' ' || value[i] > '~')
            return false;
    memcpy(boundary, value, length + 1);
    /* A blank at the end could not be told from padding behind the boundary. */
    return value[length - 1] != ' ';
}

bool multipart_read_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_BYTES],
                             struct error *error)
{
    struct cursor cursor = {content_type, content_type + strlen(content_type)};
    struct parameter parameter;
    size_t length;
    bool found = false;
    const char *type = take_until(&cursor, ';', ';', &length);
    if (!text_equal_any_case(type, length, "multipart/form-data"))
        return error_set(error, ERROR_INVALID, "malformed: the answer is not multipart/form-data but %.*s",
                         TEXT_CUT(content_type, 128));
    enum step step = next_parameter(&cursor, &parameter);
    for (; step == STEP_PARAMETER; step = next_parameter(&cursor, &parameter)) {
        bool usable = true;
        if (is_named(&parameter, "boundary")) {
            usable = !found && copy_boundary(parameter.value, boundary);
            found = true;
        }
        free(parameter.value);
        if (!usable)
            return error_set(error, ERROR_INVALID, "malformed: no usable boundary in %.*s",
                             TEXT_CUT(content_type, 128));
    }
    if (step == STEP_FAULT || !found)
        return error_set(error, ERROR_INVALID, "malformed: no boundary in %.*s", TEXT_CUT(content_type, 128));
    return true;
}

static bool read_size(const char *text, int64_t *size)
{
    int64_t number = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!text_is_digit(*text))
            return false;
        /* No part is that long, so that whatever does not fit is a size mismatch in the end. */
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *text - '0', &number))
            number = INT64_MAX;
    }
    *size = number;
    return true;
}

/* Takes the parameter's value. A parameter given twice leaves open which is meant. */
static bool keep_parameter(struct parameter *parameter, struct multipart_disposition *disposition)
{
    struct {
        const char *name;
        char **slot;
    } known[] = {{"name", &disposition->name},
                 {"data-type", &disposition->data_type},
                 {"id", &disposition->id},
                 {"domain-id", &disposition->domain_id}};
    bool kept = true;
    if (is_named(parameter, "size"))
        kept = disposition->size < 0 && read_size(parameter->value, &disposition->size);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!is_named(parameter, known[i].name))
            continue;
        kept = *known[i].slot == NULL;
        if (kept) {
            *known[i].slot = parameter->value;
            parameter->value = NULL;
        }
    }
    free(parameter->value);
    return kept;
}

bool multipart_read_disposition(const char *value, size_t length, struct multipart_disposition *disposition,
                                struct error *error)
{
    struct cursor cursor = {value, value + length};
    struct parameter parameter;
    size_t type_length;
    *disposition = (struct multipart_disposition){.size = -1};
    if (memchr(value, '\0', length))
        return error_set(error, ERROR_INVALID, "malformed: a NUL stands in Content-Disposition");
    (void)take_until(&cursor, ';', ';', &type_length);
    enum step step = next_parameter(&cursor, &parameter);
    for (; step == STEP_PARAMETER; step = next_parameter(&cursor, &parameter))
        if (!keep_parameter(&parameter, disposition))
            return error_set(
                error, ERROR_INVALID,
                "malformed: a parameter of Content-Disposition stands twice or is no number: %.*s",
                (int)(length < 160 ? length : 160), value);
    if (step == STEP_FAULT || type_length == 0)
        return error_set(error, ERROR_INVALID, "malformed: Content-Disposition cannot be read: %.*s",
                         (int)(length < 160 ? length : 160), value);
    return true;
}

void multipart_disposition_clear(struct multipart_disposition *disposition)
{
    free(disposition->name);
    free(disposition->data_type);
    free(disposition->id);
    free(disposition->domain_id);
    *disposition = (struct multipart_disposition){.size = -1};
}
