#include "libcommon/json/json_field.h"

#include "libcommon/base/text.h"

#include <stdlib.h>

bool json_field_parse_object(const char *text, size_t length, struct json_slice *object, struct error *error)
{
    if (!json_text_parse(text, length, object, error))
        return false;
    if (json_text_type(*object) != JSON_TEXT_OBJECT)
        return error_set(error, ERROR_INVALID, "not a JSON object");
    return true;
}

static const char *type_name(enum json_text_type type)
{
    static const char *const names[] = {
        [JSON_TEXT_NONE] = "nothing",    [JSON_TEXT_NULL] = "null",       [JSON_TEXT_BOOL] = "true or false",
        [JSON_TEXT_NUMBER] = "a number", [JSON_TEXT_STRING] = "a string", [JSON_TEXT_ARRAY] = "an array",
        [JSON_TEXT_OBJECT] = "an object"};
    return names[type];
}

bool json_field_of_type(struct json_slice object, const char *name, enum json_text_type type,
                        struct json_slice *value, struct error *error)
{
    if (!json_text_member(object, name, value, error))
        return false;
    if (value->text && json_text_type(*value) != type)
        return error_set(error, ERROR_INVALID, "%s: %s was expected, got %s", name, type_name(type),
                         type_name(json_text_type(*value)));
    return true;
}

bool json_field_string(struct json_slice object, const char *name, char **value, struct error *error)
{
    struct json_slice raw;
    *value = NULL;
    if (!json_field_of_type(object, name, JSON_TEXT_STRING, &raw, error))
        return false;
    if (!raw.text)
        return true;
    *value = json_text_decode_string(raw, error);
    return *value || error_prefix(error, "%s", name);
}

bool json_field_required_string(struct json_slice object, const char *name, char **value, struct error *error)
{
    if (!json_field_string(object, name, value, error))
        return false;
    if (!text_is_blank(*value))
        return true;
    error_set(error, ERROR_INVALID, "%s is %s", name, *value ? "blank" : "missing");
    free(*value);
    *value = NULL;
    return false;
}

bool json_field_int64(struct json_slice object, const char *name, int64_t *value, bool *present,
                      struct error *error)
{
    struct json_slice raw;
    if (!json_field_of_type(object, name, JSON_TEXT_NUMBER, &raw, error))
        return false;
    if (present)
        *present = raw.text != NULL;
    return !raw.text || json_text_decode_int64(raw, value, error) || error_prefix(error, "%s", name);
}

bool json_field_bool(struct json_slice object, const char *name, bool *value, bool *present,
                     struct error *error)
{
    struct json_slice raw;
    if (!json_field_of_type(object, name, JSON_TEXT_BOOL, &raw, error))
        return false;
    if (present)
        *present = raw.text != NULL;
    return !raw.text || json_text_decode_bool(raw, value, error) || error_prefix(error, "%s", name);
}
