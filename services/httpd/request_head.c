#include "services/httpd/request_head.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

/* RFC 9110 5.6.2 */
static const char name_bytes[] = "!#$%&'*+-.^_`|~0123456789"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool consists_of(const char *text, size_t length, const char *bytes)
{
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr(bytes, text[i]))
            return false;
    return length > 0;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

void request_head_add(struct request_head *head, const char *name, size_t name_length, const char *value,
                      size_t value_length)
{
    bool sound = consists_of(name, name_length, name_bytes);
    if (is_word(name, name_length, "Content-Length")) {
        head->lengths++;
        sound = consists_of(value, value_length, "0123456789");
    } else if (is_word(name, name_length, "Transfer-Encoding")) {
        head->encodings++;
        sound = is_word(value, value_length, "chunked");
    }
    head->is_odd = head->is_odd || !sound;
}

bool request_head_is_sound(const struct request_head *head, const char *version)
{
    bool may_encode = strcmp(version, "HTTP/1.1") == 0;
    return !head->is_odd && head->lengths + head->encodings <= 1 && (may_encode || !head->encodings);
}

static bool path_is(const char *path, const char *base, const char *end)
{
    size_t length = strlen(path);
    size_t end_length = strlen(end);
    size_t base_length = base ? strlen(base) : length - end_length;
    /* NODE_URL may carry a path that a proxy in front of us does not take off, so without one the end
     * decides. */
    return length >= end_length && length - end_length == base_length &&
           strcmp(path + base_length, end) == 0 && (!base || CRYPTO_memcmp(path, base, base_length) == 0);
}

enum request_target request_target_of(const char *path, const char *base)
{
    if (path_is(path, base, "/internal/v1/registrations"))
        return REQUEST_TARGET_CALLBACK;
    return path_is(path, base, "/health") ? REQUEST_TARGET_HEALTH : REQUEST_TARGET_NONE;
}
