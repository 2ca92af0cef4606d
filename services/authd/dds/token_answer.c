#include "services/authd/dds/token_answer.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/saturate.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

enum { NANOSECONDS_PER_MS = 1000000 };

/* Sums of times stay far from the ends of 64 bits. */
static const int64_t life_max_ms = INT64_C(10) * 366 * 24 * 3600 * 1000;

/* It goes into an Authorization header: visible ASCII and nothing else. */
static bool check_token(const char *token, struct error *error)
{
    size_t length = strlen(token);
    if (length > LIMIT_TOKEN_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "access_token has %zu bytes, the limit is %d", length,
                         LIMIT_TOKEN_BYTES);
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~')
            return error_set(error, ERROR_INVALID, "access_token holds a blank or control character");
    return true;
}

static bool read_token(struct json_slice object, struct secret *token, struct error *error)
{
    char *text;
    if (!json_field_required_string(object, "access_token", &text, error))
        return false;
    bool ok = check_token(text, error);
    if (ok)
        secret_assign(token, text, strlen(text));
    secret_wipe_bytes(text, strlen(text));
    free(text);
    return ok;
}

static bool read_life(struct json_slice object, int64_t server_unix_ms, int64_t *life_ms, struct error *error)
{
    const char *name = "access_expires_at";
    char *text;
    char end[RFC3339_BYTES];
    int64_t unix_ns;
    if (!json_field_string(object, name, &text, error))
        return false;
    if (!text) {
        name = "expires_at";
        if (!json_field_string(object, name, &text, error))
            return false;
    }
    if (!text)
        return error_set(error, ERROR_INVALID, "access_expires_at is missing");
    bool ok = rfc3339_parse(text, &unix_ns, error);
    free(text);
    if (!ok)
        return error_prefix(error, "%s", name);
    *life_ms = saturate_subtract(unix_ns / NANOSECONDS_PER_MS, server_unix_ms);
    if (*life_ms <= 0)
        return error_set(error, ERROR_INVALID, "%s is not in the future: %s", name,
                         rfc3339_format_milliseconds(unix_ns / NANOSECONDS_PER_MS, end));
    if (*life_ms > life_max_ms)
        *life_ms = life_max_ms;
    return true;
}

bool token_answer_parse(const char *json, size_t length, int64_t server_unix_ms, struct token_answer *answer,
                        struct error *error)
{
    struct json_slice object;
    *answer = (struct token_answer){.token = SECRET_EMPTY, .date_unix_ms = -1};
    if (json_field_parse_object(json, length, &object, error) && read_token(object, &answer->token, error) &&
        read_life(object, server_unix_ms, &answer->life_ms, error))
        return true;
    token_answer_clear(answer);
    return false;
}

void token_answer_clear(struct token_answer *answer)
{
    secret_wipe(&answer->token);
    answer->life_ms = 0;
}
