/*
 * JSON kept as the text it came in (docs/network.md 3.1: meta, progress and events are passed on byte for
 * byte).
 *
 * A slice points into a text that somebody else owns. json_text_parse() checks a whole text once; all other
 * functions take slices that come from it (through members and elements) and do not check again. Known fields
 * of an answer are read with libcommon/json/json_field.h.
 */
#ifndef LIBCOMMON_JSON_JSON_TEXT_H
#define LIBCOMMON_JSON_JSON_TEXT_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_text_type {
    JSON_TEXT_NONE,
    JSON_TEXT_NULL,
    JSON_TEXT_BOOL,
    JSON_TEXT_NUMBER,
    JSON_TEXT_STRING,
    JSON_TEXT_ARRAY,
    JSON_TEXT_OBJECT
};

/* One value without white space around it. `text` is NULL when there is none; it is not NUL-terminated. */
struct json_slice {
    const char *text;
    size_t length;
};

/* Goes through an object's members or an array's elements in the order of the text. */
struct json_iterator {
    const char *position;
    const char *end;
};

/*
 * Checks that the text is exactly one JSON value (RFC 8259; valid UTF-8, at most LIMIT_JSON_DEPTH levels
 * deep; white space around it may be) and gives that value where `value` is not NULL. Duplicate names pass
 * here; escapes of lone surrogates and U+0000 do, too.
 */
bool json_text_parse(const char *text, size_t length, struct json_slice *value, struct error *error);

/* Of a text that json_text_parse() refuses: the byte where it does. */
size_t json_text_fault_at(const char *text, size_t length);

/*
 * Of a text that json_text_parse() refuses: whether it is the beginning of a JSON value, so that the rest got
 * lost on the way. False for white space alone: that may be all that was meant.
 */
bool json_text_is_cut(const char *text, size_t length);

enum json_text_type json_text_type(struct json_slice value);

/*
 * Finds a member by its decoded name. True with `value->text` NULL when there is none or it is null (the
 * contract: null counts as absent) or `object` is no object. False when the name occurs twice.
 */
bool json_text_member(struct json_slice object, const char *name, struct json_slice *value,
                      struct error *error);

/* For a value that is no object (array), the loop ends at once. `name` is the raw string with its quotes. */
struct json_iterator json_text_members(struct json_slice object);
bool json_text_next_member(struct json_iterator *iterator, struct json_slice *name, struct json_slice *value);
struct json_iterator json_text_elements(struct json_slice array);
bool json_text_next_element(struct json_iterator *iterator, struct json_slice *element);

/*
 * Decodes a string value. NULL when it is no string, or holds U+0000 or a lone surrogate, which C text cannot
 * hold. free() it.
 */
char *json_text_decode_string(struct json_slice value, struct error *error);

/*
 * In a valid text, replaces each escape of half a surrogate pair by "\\ufffd", as readers elsewhere refuse
 * it. In place: the length stays.
 */
void json_text_replace_lone_surrogates(char *text);

/* Decodes a number written as an integer (no fraction, no exponent) that fits 64 bits. */
bool json_text_decode_int64(struct json_slice value, int64_t *number, struct error *error);

bool json_text_decode_bool(struct json_slice value, bool *truth, struct error *error);

/* A NUL-terminated copy of the raw text; NULL for a slice without text. free() it. */
char *json_text_copy(struct json_slice value);

#endif
