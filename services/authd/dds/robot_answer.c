#include "services/authd/dds/robot_answer.h"

#include "libcommon/base/uuid.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

static bool check_id(const char *id, struct error *error)
{
    if (!uuid_is_valid(id))
        return error_set(error, ERROR_INVALID, "robot_id is no UUID");
    if (id[strspn(id, "0-")] == '\0')
        return error_set(error, ERROR_INVALID, "robot_id is the nil UUID");
    return true;
}

bool robot_answer_parse(const char *json, size_t length, int64_t server_unix_ms, struct token_answer *answer,
                        struct error *error)
{
    struct json_slice object;
    char *id = NULL;
    *answer = (struct token_answer){.token = SECRET_EMPTY};
    bool ok = json_field_parse_object(json, length, &object, error) &&
              json_field_required_string(object, "robot_id", &id, error) && check_id(id, error) &&
              token_answer_parse(json, length, server_unix_ms, answer, error);
    free(id);
    return ok;
}
