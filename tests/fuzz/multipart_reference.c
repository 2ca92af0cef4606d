#include "tests/fuzz/multipart_reference.h"

#include "libcommon/base/memory.h"
#include "services/stored/inputs/multipart_parser.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- header values: a list of "name=value" between semicolons, of which some are quoted --- */

struct pair {
    char *name;
    char *value;
};

struct pairs {
    char *head; /* what stands before the first semicolon */
    struct pair items[512];
    size_t count;
};

static void pairs_clear(struct pairs *pairs)
{
    free(pairs->head);
    for (size_t i = 0; i < pairs->count; i++) {
        free(pairs->items[i].name);
        free(pairs->items[i].value);
    }
    free(pairs);
}

static char *trimmed(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    while (length > 0 && isspace((unsigned char)*text)) {
        text++;
        length--;
    }
    return memory_copy_bytes(text, length);
}

/* Unquotes what begins with a quote; NULL when it does not end with one, apart from blanks. */
static char *unquoted(const char *text)
{
    char *value = memory_allocate(strlen(text) + 1);
    size_t used = 0;
    size_t i = 1;
    while (text[i] && text[i] != '"') {
        if (text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\'))
            i++;
        value[used++] = text[i++];
    }
    bool closed = text[i] == '"';
    for (i += closed; text[i]; i++)
        closed = closed && isspace((unsigned char)text[i]);
    if (closed)
        return value;
    free(value);
    return NULL;
}

/* The length of the piece before the next semicolon that is not inside quotes; quotes open only behind "=".
 */
static size_t piece_length(const char *text)
{
    size_t i = strcspn(text, "=;");
    if (text[i] != '=')
        return i;
    i++;
    while (isspace((unsigned char)text[i]))
        i++;
    if (text[i] == '"') {
        i++;
        while (text[i] && text[i] != '"')
            i += text[i] == '\\' && (text[i + 1] == '"' || text[i + 1] == '\\') ? 2 : 1;
    }
    return i + strcspn(text + i, ";");
}

static bool add_pair(struct pairs *pairs, const char *piece)
{
    const char *equals = strchr(piece, '=');
    if (!equals)
        return false;
    struct pair *pair = &pairs->items[pairs->count++];
    pair->name = trimmed(piece, (size_t)(equals - piece));
    char *value = trimmed(equals + 1, strlen(equals + 1));
    pair->value = *value == '"' ? unquoted(value) : memory_copy_text(value);
    free(value);
    return pair->name[0] && pair->value;
}

/* NULL when it is malformed. */
static struct pairs *read_pairs(const char *text)
{
    struct pairs *pairs = memory_allocate(sizeof *pairs);
    size_t length = strcspn(text, ";");
    pairs->head = trimmed(text, length);
    text += length;
    while (*text == ';') {
        text++;
        length = piece_length(text);
        char *piece = trimmed(text, length);
        bool good = !*piece ||
                    (pairs->count < sizeof pairs->items / sizeof pairs->items[0] && add_pair(pairs, piece));
        free(piece);
        if (!good) {
            pairs_clear(pairs);
            return NULL;
        }
        text += length;
    }
    return pairs;
}

/* How often `name` stands there; *value is the last one, borrowed. */
static size_t find_pair(const struct pairs *pairs, const char *name, const char **value)
{
    size_t found = 0;
    *value = NULL;
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcasecmp(pairs->items[i].name, name) != 0)
            continue;
        *value = pairs->items[i].value;
        found++;
    }
    return found;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

static bool take_pair(const struct pairs *pairs, const char *name, char **slot)
{
    const char *value;
    size_t found = find_pair(pairs, name, &value);
    *slot = memory_copy_text(value);
    return found <= 1;
}

bool multipart_reference_disposition(const char *value, size_t length,
                                     struct multipart_disposition *disposition)
{
    *disposition = (struct multipart_disposition){.size = -1};
    if (memchr(value, '\0', length))
        return false;
    const char *size;
    char *text = memory_copy_bytes(value, length);
    struct pairs *pairs = read_pairs(text);
    free(text);
    if (!pairs)
        return false;
    bool good = take_pair(pairs, "name", &disposition->name);
    good = take_pair(pairs, "data-type", &disposition->data_type) && good;
    good = take_pair(pairs, "id", &disposition->id) && good;
    good = take_pair(pairs, "domain-id", &disposition->domain_id) && good;
    size_t sizes = find_pair(pairs, "size", &size);
    good = good && sizes <= 1 && pairs->head[0] && (!size || is_number(size));
    if (good && size) /* INT64_MAX for what does not fit */
        disposition->size = strtoll(size, NULL, 10);
    pairs_clear(pairs);
    if (!good)
        multipart_disposition_clear(disposition);
    return good;
}

bool multipart_reference_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_BYTES])
{
    const char *value;
    struct pairs *pairs = read_pairs(content_type);
    if (!pairs)
        return false;
    bool good =
        strcasecmp(pairs->head, "multipart/form-data") == 0 && find_pair(pairs, "boundary", &value) == 1;
    size_t length = good ? strlen(value) : 0;
    good = good && length > 0 && length <= 70 && value[length - 1] != ' ';
    for (size_t i = 0; good && i < length; i++)
        good = isprint((unsigned char)value[i]);
    if (good)
        memcpy(boundary, value, length + 1);
    pairs_clear(pairs);
    return good;
}

/* --- the body, line by line --- */

struct line {
    const char *text;
    size_t length; /* without the line feed */
    bool ended;    /* by a line feed */
};

struct reading {
    const char *at;
    const char *end;
    char delimiter[2 + MULTIPART_BOUNDARY_BYTES];
    struct multipart_outcome *outcome;
    const char *payload; /* where the open part's payload begins; NULL outside of parts */
};

enum delimiter_kind { NO_DELIMITER, NEXT_PART, CLOSING, CUT_OFF, MALFORMED };

static bool next_line(struct reading *reading, struct line *line)
{
    if (reading->at == reading->end)
        return false;
    size_t left = (size_t)(reading->end - reading->at);
    const char *line_feed = memchr(reading->at, '\n', left);
    *line =
        (struct line){reading->at, line_feed ? (size_t)(line_feed - reading->at) : left, line_feed != NULL};
    reading->at += line->length + line->ended;
    return true;
}

static enum delimiter_kind classify(const struct reading *reading, const struct line *line)
{
    size_t length = strlen(reading->delimiter);
    if (line->length < length || memcmp(line->text, reading->delimiter, length) != 0)
        return NO_DELIMITER;
    const char *rest = line->text + length;
    const char *end = line->text + line->length;
    if (end - rest >= 2 && rest[0] == '-' && rest[1] == '-')
        return CLOSING;
    if (end - rest == 1 && rest[0] == '-')
        return line->ended ? MALFORMED : CUT_OFF;
    while (rest < end && (*rest == ' ' || *rest == '\t'))
        rest++;
    if (rest < end && *rest == '\r')
        rest++;
    if (rest < end)
        return MALFORMED;
    return line->ended ? NEXT_PART : CUT_OFF;
}

static struct multipart_record *open_record(const struct reading *reading)
{
    return reading->payload ? &reading->outcome->records[reading->outcome->count - 1] : NULL;
}

/* The payload goes up to `end`, before whose line a line end belongs to the delimiter. */
static void keep_payload(struct reading *reading, const char *end, bool before_delimiter)
{
    struct multipart_record *record = open_record(reading);
    if (!record)
        return;
    const char *start = reading->payload;
    if (before_delimiter && end > start)
        end--;
    if (before_delimiter && end > start && end[-1] == '\r' && *end == '\n')
        end--;
    size_t length = (size_t)(end - start);
    int64_t size = record->disposition.size;
    record->whole = before_delimiter && (size < 0 || (size_t)size == length);
    record->length = size >= 0 && (uint64_t)size < length ? (size_t)size : length;
    record->payload = memory_copy_bytes(start, record->length);
}

static enum error_code add_record(struct reading *reading, struct multipart_disposition *disposition)
{
    struct multipart_outcome *outcome = reading->outcome;
    if (outcome->count == MULTIPART_MAX_PARTS) {
        multipart_disposition_clear(disposition);
        return ERROR_TOO_LARGE;
    }
    outcome->records = memory_resize_array(outcome->records, outcome->count + 1, sizeof *outcome->records);
    outcome->records[outcome->count++] = (struct multipart_record){.disposition = *disposition};
    reading->payload = reading->at;
    return ERROR_NONE;
}

static enum error_code read_header(const struct line *line, bool *found,
                                   struct multipart_disposition *disposition)
{
    const char *colon = memchr(line->text, ':', line->length);
    if (!colon || line->text[0] == ' ' || line->text[0] == '\t')
        return ERROR_INVALID;
    char *name = trimmed(line->text, (size_t)(colon - line->text));
    bool wanted = !memchr(line->text, '\0', (size_t)(colon - line->text)) &&
                  strcasecmp(name, "Content-Disposition") == 0;
    free(name);
    if (!wanted)
        return ERROR_NONE;
    if (*found)
        return ERROR_INVALID;
    *found = true;
    size_t length = line->length - (size_t)(colon + 1 - line->text);
    return multipart_reference_disposition(colon + 1, length, disposition) ? ERROR_NONE : ERROR_INVALID;
}

static enum error_code read_headers(struct reading *reading)
{
    struct line line;
    struct multipart_disposition disposition = {.size = -1};
    bool found = false;
    size_t bytes = 0;
    enum error_code code = ERROR_NONE;
    while (code == ERROR_NONE) {
        if (!next_line(reading, &line)) {
            code = ERROR_NETWORK;
            break;
        }
        bytes += line.length + line.ended;
        if (line.length > 0 && line.text[line.length - 1] == '\r')
            line.length--;
        if (bytes > MULTIPART_HEADER_BLOCK_BYTES)
            code = ERROR_TOO_LARGE;
        else if (!line.ended)
            code = ERROR_NETWORK;
        else if (line.length == 0)
            return found ? add_record(reading, &disposition) : ERROR_INVALID;
        else
            code = read_header(&line, &found, &disposition);
    }
    multipart_disposition_clear(&disposition);
    return code;
}

static enum error_code read_lines(struct reading *reading)
{
    struct line line;
    while (next_line(reading, &line)) {
        enum delimiter_kind kind = classify(reading, &line);
        if (kind == NO_DELIMITER)
            continue;
        keep_payload(reading, line.text, true);
        const struct multipart_record *record = open_record(reading);
        bool sized_right = !record || record->whole;
        if (record && (kind == CUT_OFF || kind == MALFORMED))
            reading->outcome->records[reading->outcome->count - 1].whole = false;
        reading->payload = NULL;
        if (kind == CUT_OFF)
            return ERROR_NETWORK;
        if (kind == MALFORMED || !sized_right)
            return ERROR_INVALID;
        if (kind == CLOSING)
            return reading->outcome->count > 0 ? ERROR_NONE : ERROR_NOT_FOUND;
        enum error_code code = read_headers(reading);
        if (code != ERROR_NONE)
            return code;
    }
    keep_payload(reading, reading->end, false);
    return ERROR_NETWORK;
}

void multipart_reference_read(const char *boundary, const char *body, size_t length,
                              struct multipart_outcome *outcome)
{
    struct reading reading = {.at = body, .end = body + length, .delimiter = "--", .outcome = outcome};
    *outcome = (struct multipart_outcome){.code = ERROR_NONE};
    memcpy(reading.delimiter + 2, boundary, strlen(boundary) + 1);
    outcome->code = read_lines(&reading);
}

void multipart_outcome_clear(struct multipart_outcome *outcome)
{
    for (size_t i = 0; i < outcome->count; i++) {
        multipart_disposition_clear(&outcome->records[i].disposition);
        free(outcome->records[i].payload);
    }
    free(outcome->records);
    *outcome = (struct multipart_outcome){.code = ERROR_NONE};
}
