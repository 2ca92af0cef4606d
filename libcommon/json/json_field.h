/*
 * Known fields of a JSON answer, read by name. Absent and null are the same (docs/network.md, "Retries"); a
 * wrong type, a name given twice and a value out of range are errors that name the field.
 */
#ifndef LIBCOMMON_JSON_JSON_FIELD_H
#define LIBCOMMON_JSON_JSON_FIELD_H

#include "libcommon/base/error.h"
#include "libcommon/json/json_text.h"

#include <stdbool.h>
#include <stdint.h>

/* Parses a text that must be a JSON object. */
bool json_field_parse_object(const char *text, size_t length, struct json_slice *object, struct error *error);

/* *value becomes the decoded string, or NULL when the field is absent. free() it. */
bool json_field_string(struct json_slice object, const char *name, char **value, struct error *error);

/* As json_field_string; an absent field and a blank string are errors. */
bool json_field_required_string(struct json_slice object, const char *name, char **value,
                                struct error *error);

/* *value keeps what it held when the field is absent; *present (may be NULL) tells. */
bool json_field_int64(struct json_slice object, const char *name, int64_t *value, bool *present,
                      struct error *error);
bool json_field_bool(struct json_slice object, const char *name, bool *value, bool *present,
                     struct error *error);

/* The raw value of the named type (of any: json_text_member()); `value->text` is NULL when the field is
 * absent. */
bool json_field_of_type(struct json_slice object, const char *name, enum json_text_type type,
                        struct json_slice *value, struct error *error);

#endif
