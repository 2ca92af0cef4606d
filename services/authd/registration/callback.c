#include "services/authd/registration/callback.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct callback *callback, int status, const char *answer)
{
    callback->status = status;
    callback->answer = answer;
}

/* application/json and application/<anything>+json, whatever parameters follow. */
static bool is_json_type(const char *content_type)
{
    const char *text = content_type ? content_type : "";
    size_t length = strcspn(text, ";");
    text_trim(&text, &length);
    if (text_equal_any_case(text, length, "application/json"))
        return true;
    return length > strlen("application/+json") && text_starts_with_any_case(text, "application/") &&
           text_equal_any_case(text + length - strlen("+json"), strlen("+json"), "+json");
}

/* The order of these checks is that of the contract's table. */
static void judge(struct callback *callback, const char *id, const char *secret)
{
    if (!id || !secret)
        refuse(callback, 422, id ? "field secret is missing" : "field id is missing");
    else if (text_is_blank(id))
        refuse(callback, 422, "missing id");
    else if (text_is_blank(secret))
        refuse(callback, 422, "missing secret");
    else if (strlen(secret) > LIMIT_CALLBACK_SECRET_BYTES)
        refuse(callback, 403, "secret too large");
    else {
        secret_assign_locked(&callback->secret, secret, strlen(secret));
        text_one_line(id, strlen(id), callback->id, sizeof callback->id);
        refuse(callback, 200, "{\"ok\":true}");
    }
}

void callback_parse(struct callback *callback, const char *content_type, const char *body, size_t length)
{
    struct json_slice value;
    struct error error; /* not shown: it could quote the secret */
    char *id = NULL;
    char *secret = NULL;
    *callback = (struct callback){.secret = SECRET_EMPTY};
    if (!is_json_type(content_type))
        refuse(callback, 415, "the content type must be application/json");
    else if (!json_text_parse(body, length, &value, &error))
        refuse(callback, 400, "the body is not JSON");
    else if (json_text_type(value) != JSON_TEXT_OBJECT)
        refuse(callback, 422, "the body is not a JSON object");
    else if (!json_field_string(value, "id", &id, &error))
        refuse(callback, 422, "field id must be one string");
    else if (!json_field_string(value, "secret", &secret, &error))
        refuse(callback, 422, "field secret must be one string");
    else
        judge(callback, id, secret);
    free(id);
    if (secret)
        secret_wipe_bytes(secret, strlen(secret));
    free(secret);
}

void callback_clear(struct callback *callback)
{
    secret_wipe(&callback->secret);
}
