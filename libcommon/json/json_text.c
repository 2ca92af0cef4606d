#include "libcommon/json/json_text.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"

#include <string.h>

struct scanner {
    const char *begin;
    const char *at;
    const char *end;
    const char *fault; /* what is wrong at `at`, for the error */
};

static bool fail(struct scanner *scanner, const char *fault)
{
    if (!scanner->fault)
        scanner->fault = fault;
    return false;
}

static bool take(struct scanner *scanner, char expected)
{
    if (scanner->at == scanner->end || *scanner->at != expected)
        return false;
    scanner->at++;
    return true;
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && *scanner->at && strchr(" \t\r\n", *scanner->at))
        scanner->at++;
}

/* What the end of the text cuts in two is missing its end, wherever it begins. */
static bool fail_cut(struct scanner *scanner)
{
    scanner->at = scanner->end;
    return fail(scanner, "it ends too early");
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    size_t length = strlen(word);
    size_t left = (size_t)(scanner->end - scanner->at);
    if (left < length && memcmp(scanner->at, word, left) == 0)
        return fail_cut(scanner);
    if (left < length || memcmp(scanner->at, word, length) != 0)
        return fail(scanner, "a value was expected");
    scanner->at += length;
    return true;
}

static bool scan_digits(struct scanner *scanner)
{
    const char *first = scanner->at;
    while (scanner->at < scanner->end && text_is_digit(*scanner->at))
        scanner->at++;
    return scanner->at > first || fail(scanner, "a digit was expected");
}

static bool scan_number(struct scanner *scanner)
{
    take(scanner, '-');
    if (!take(scanner, '0') && !scan_digits(scanner))
        return false;
    if (take(scanner, '.') && !scan_digits(scanner))
        return false;
    if (take(scanner, 'e') || take(scanner, 'E')) {
        if (!take(scanner, '+'))
            take(scanner, '-');
        return scan_digits(scanner);
    }
    return true;
}

static bool scan_escape(struct scanner *scanner)
{
    uint8_t ignored[2];
    if (scanner->at == scanner->end)
        return fail(scanner, "a string does not end");
    char kind = *scanner->at++;
    if (kind == 'u') {
        if (scanner->end - scanner->at < 4)
            return fail_cut(scanner);
        if (!hex_decode(scanner->at, 4, ignored))
            return fail(scanner, "\\u needs four digits");
        scanner->at += 4;
        return true;
    }
    return (kind != '\0' && strchr("\"\\/bfnrt", kind)) || fail(scanner, "an escape is not known");
}

static bool is_cut_code_point(const struct scanner *scanner)
{
    for (const char *at = scanner->at; at < scanner->end; at++)
        if ((unsigned char)*at < 0x80)
            return false;
    return scanner->end - scanner->at < UTF8_MAX_BYTES;
}

static bool scan_string(struct scanner *scanner)
{
    if (!take(scanner, '"'))
        return fail(scanner, "a string was expected");
    while (scanner->at < scanner->end) {
        uint32_t code_point;
        if (take(scanner, '"'))
            return true;
        if (take(scanner, '\\')) {
            if (!scan_escape(scanner))
                return false;
            continue;
        }
        if ((unsigned char)*scanner->at < ' ')
            return fail(scanner, "a control character stands in a string");
        size_t bytes = utf8_decode(scanner->at, (size_t)(scanner->end - scanner->at), &code_point);
        if (bytes == 0 && is_cut_code_point(scanner))
            return fail_cut(scanner);
        if (bytes == 0)
            return fail(scanner, "a string is not valid UTF-8");
        scanner->at += bytes;
    }
    return fail(scanner, "a string does not end");
}

static bool scan_value(struct scanner *scanner, int depth);

static bool scan_member(struct scanner *scanner, int depth)
{
    skip_space(scanner);
    if (!scan_string(scanner))
        return false;
    skip_space(scanner);
    if (!take(scanner, ':'))
        return fail(scanner, "a colon was expected");
    return scan_value(scanner, depth);
}

/* An object or array whose opening bracket was taken. */
static bool scan_items(struct scanner *scanner, bool object, int depth)
{
    char closing = object ? '}' : ']';
    if (depth >= LIMIT_JSON_DEPTH)
        return fail(scanner, "it is nested too deeply");
    skip_space(scanner);
    if (take(scanner, closing))
        return true;
    do {
        if (object ? !scan_member(scanner, depth + 1) : !scan_value(scanner, depth + 1))
            return false;
        skip_space(scanner);
    } while (take(scanner, ','));
    return take(scanner, closing) ||
           fail(scanner, object ? "a comma or } was expected" : "a comma or ] was expected");
}

/* The recursion is as deep as LIMIT_JSON_DEPTH allows, so that no input can use up the stack. */
static bool scan_value(struct scanner *scanner, int depth)
{
    skip_space(scanner);
    if (scanner->at == scanner->end)
        return fail(scanner, "it ends too early");
    switch (*scanner->at) {
    case '{':
    case '[':
        return scan_items(scanner, *scanner->at++ == '{', depth);
    case '"':
        return scan_string(scanner);
    case 't':
        return scan_word(scanner, "true");
    case 'f':
        return scan_word(scanner, "false");
    case 'n':
        return scan_word(scanner, "null");
    default:
        if (*scanner->at != '-' && !text_is_digit(*scanner->at))
            return fail(scanner, "a value was expected");
        return scan_number(scanner);
    }
}

bool json_text_parse(const char *text, size_t length, struct json_slice *value, struct error *error)
{
    struct scanner scanner = {.begin = text, .at = text, .end = text + length};
    skip_space(&scanner);
    const char *first = scanner.at;
    bool valid = scan_value(&scanner, 0);
    const char *last = scanner.at;
    skip_space(&scanner);
    if (valid && scanner.at < scanner.end)
        valid = fail(&scanner, "something follows the value");
    if (!valid)
        return error_set(error, ERROR_INVALID, "not JSON: %s at byte %zu", scanner.fault,
                         (size_t)(scanner.at - scanner.begin));
    if (value)
        *value = (struct json_slice){first, (size_t)(last - first)};
    return true;
}

size_t json_text_fault_at(const char *text, size_t length)
{
    struct scanner scanner = {.begin = text, .at = text, .end = text + length};
    if (scan_value(&scanner, 0))
        skip_space(&scanner);
    return (size_t)(scanner.at - scanner.begin);
}

bool json_text_is_cut(const char *text, size_t length)
{
    struct scanner scanner = {.begin = text, .at = text, .end = text + length};
    skip_space(&scanner);
    return scanner.at < scanner.end && !scan_value(&scanner, 0) && scanner.at == scanner.end;
}

enum json_text_type json_text_type(struct json_slice value)
{
    if (!value.text || value.length == 0)
        return JSON_TEXT_NONE;
    switch (value.text[0]) {
    case '{':
        return JSON_TEXT_OBJECT;
    case '[':
        return JSON_TEXT_ARRAY;
    case '"':
        return JSON_TEXT_STRING;
    case 't':
    case 'f':
        return JSON_TEXT_BOOL;
    case 'n':
        return JSON_TEXT_NULL;
    default:
        return JSON_TEXT_NUMBER;
    }
}

char *json_text_copy(struct json_slice value)
{
    return value.text ? memory_copy_bytes(value.text, value.length) : NULL;
}
