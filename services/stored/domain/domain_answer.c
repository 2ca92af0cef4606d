/* Ids come as {"data":[{"id"}]} from small uploads and as {"id"} from completed ones; servers mix them up, so
 * both count. */
#include "services/stored/domain/domain_answer.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

enum { ETAG_BYTES = 256 };

/* An answer without a length ends with its connection: only the JSON shows that the connection was lost, and
 * the request is to be tried again. */
static bool parse(const struct http_response *response, struct json_slice *object, struct error *error)
{
    if (json_field_parse_object(response->body, response->body_bytes, object, error))
        return true;
    if (json_text_is_cut(response->body, response->body_bytes))
        error->code = ERROR_NETWORK;
    return error_prefix(error, "the domain server's answer");
}

/* An id ends up in paths, in messages and in what DMS is told: bounded, and not blank. */
static bool take_id(struct json_slice object, char **id, struct error *error)
{
    if (!json_field_string(object, "id", id, error))
        return false;
    if (!text_is_blank(*id) && strlen(*id) <= DOMAIN_ANSWER_ID_BYTES)
        return true;
    bool too_long = !text_is_blank(*id);
    free(*id);
    *id = NULL;
    return !too_long ||
           error_set(error, ERROR_TOO_LARGE, "id has more than %d bytes", DOMAIN_ANSWER_ID_BYTES);
}

/* Some servers match by prefix or without case: only an exact match may be overwritten. */
static bool entry_matches(struct json_slice entry, const char *name, const char *data_type, bool *matches,
                          struct error *error)
{
    char *entry_name = NULL;
    char *entry_type = NULL;
    bool ok = json_field_string(entry, "name", &entry_name, error) &&
              json_field_string(entry, "data_type", &entry_type, error);
    *matches =
        ok && entry_name && entry_type && strcmp(entry_name, name) == 0 && strcmp(entry_type, data_type) == 0;
    free(entry_name);
    free(entry_type);
    return ok;
}

bool domain_answer_find(const struct http_response *response, const char *name, const char *data_type,
                        char **id, struct error *error)
{
    struct json_slice object;
    struct json_slice data;
    struct json_slice entry;
    bool matches = false;
    *id = NULL;
    if (!parse(response, &object, error) ||
        !json_field_of_type(object, "data", JSON_TEXT_ARRAY, &data, error))
        return false;
    struct json_iterator entries = json_text_elements(data);
    while (!*id && json_text_next_element(&entries, &entry)) {
        if (json_text_type(entry) != JSON_TEXT_OBJECT)
            continue;
        if (!entry_matches(entry, name, data_type, &matches, error))
            return false;
        if (matches && !take_id(entry, id, error))
            return false;
    }
    return true;
}

bool domain_answer_id(const struct http_response *response, char **id, struct error *error)
{
    struct json_slice object;
    struct json_slice data;
    struct json_slice entry;
    *id = NULL;
    if (!parse(response, &object, error) || !take_id(object, id, error))
        return false;
    if (*id)
        return true;
    if (!json_field_of_type(object, "data", JSON_TEXT_ARRAY, &data, error))
        return false;
    struct json_iterator entries = json_text_elements(data);
    if (!json_text_next_element(&entries, &entry) || json_text_type(entry) != JSON_TEXT_OBJECT)
        return true;
    return take_id(entry, id, error);
}

bool domain_answer_upload(const struct http_response *response, char **upload_id, int64_t *part_size,
                          struct error *error)
{
    struct json_slice object;
    bool has_size = false;
    *upload_id = NULL;
    if (!parse(response, &object, error) ||
        !json_field_required_string(object, "upload_id", upload_id, error))
        return false;
    /* It stays with the caller also on failure, who can end the upload then. */
    if (strlen(*upload_id) > LIMIT_NAME_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "upload_id has more than %d bytes", LIMIT_NAME_BYTES);
    if (!json_field_int64(object, "part_size", part_size, &has_size, error))
        return false;
    return has_size || error_set(error, ERROR_INVALID, "the answer has no part_size");
}

bool domain_answer_etag(const struct http_response *response, char **etag, struct error *error)
{
    struct json_slice object;
    *etag = NULL;
    if (!parse(response, &object, error) || !json_field_required_string(object, "etag", etag, error))
        return false;
    if (strlen(*etag) <= ETAG_BYTES)
        return true;
    free(*etag);
    *etag = NULL;
    return error_set(error, ERROR_TOO_LARGE, "etag has more than %d bytes", ETAG_BYTES);
}
