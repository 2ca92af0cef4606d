#include "services/authd/dds/siwe.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/utf8.h"
#include "libcommon/json/json_field.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Text from the JSON reader is valid UTF-8; were it not, refusing it would be right as well. */
static bool is_one_plain_line(const char *text)
{
    size_t length = strlen(text);
    while (length > 0) {
        uint32_t code_point;
        size_t bytes = utf8_decode(text, length, &code_point);
        if (bytes == 0 || utf8_is_control(code_point) || utf8_is_format(code_point))
            return false;
        text += bytes;
        length -= bytes;
    }
    return true;
}

/* Such a field would let the server put words into what the wallet signs (docs/network.md 2.1). */
static bool read_line(struct json_slice object, const char *name, char **value, struct error *error)
{
    if (!json_field_required_string(object, name, value, error))
        return false;
    return is_one_plain_line(*value) ||
           error_set(error, ERROR_INVALID, "%s holds a control or format character or a line break", name);
}

static bool read_chain_id(struct json_slice object, int64_t *chain_id, struct error *error)
{
    bool present = false;
    if (!json_field_int64(object, "chainId", chain_id, &present, error))
        return false;
    if (!present)
        return error_set(error, ERROR_INVALID, "chainId is missing");
    return *chain_id >= 0 || error_set(error, ERROR_INVALID, "chainId must not be negative");
}

bool siwe_fields_parse(const char *json, size_t length, struct siwe_fields *fields, struct error *error)
{
    struct json_slice object;
    *fields = (struct siwe_fields){0};
    if (json_field_parse_object(json, length, &object, error) &&
        read_line(object, "nonce", &fields->nonce, error) &&
        read_line(object, "domain", &fields->domain, error) &&
        read_line(object, "uri", &fields->uri, error) &&
        read_line(object, "version", &fields->version, error) &&
        read_chain_id(object, &fields->chain_id, error) &&
        read_line(object, "issuedAt", &fields->issued_at, error))
        return true;
    siwe_fields_clear(fields);
    return false;
}

void siwe_fields_clear(struct siwe_fields *fields)
{
    free(fields->nonce);
    free(fields->domain);
    free(fields->uri);
    free(fields->version);
    free(fields->issued_at);
    *fields = (struct siwe_fields){0};
}

char *siwe_compose_message(const struct siwe_fields *fields, const char *address,
                           const char *const *resources, size_t resource_count)
{
    char *message =
        memory_format("%s wants you to sign in with your Ethereum account:\n%s\n\nURI: %s\nVersion: %s\n"
                      "Chain ID: %" PRId64 "\nNonce: %s\nIssued At: %s%s",
                      fields->domain, address, fields->uri, fields->version, fields->chain_id, fields->nonce,
                      fields->issued_at, resource_count > 0 ? "\nResources:" : "");
    for (size_t i = 0; i < resource_count; i++) {
        char *longer = memory_format("%s\n- %s", message, resources[i]);
        free(message);
        message = longer;
    }
    return message;
}
