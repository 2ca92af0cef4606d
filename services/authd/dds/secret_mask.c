#include "services/authd/dds/secret_mask.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_writer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * A set of all runs that the forms of a secret have, by a hash of 20 bits: two runs that share one cost an
 * asterisk too many and never one too few, and a long secret takes no longer than it is long.
 */
enum { SET_BITS = 20, SET_BYTES = 1 << (SET_BITS - 3), RUN = SECRET_MASK_RUN_BYTES };

/* Hexadecimal digits come in either case, and base64 in either alphabet: what is alike looks alike here. */
static char fold(char character)
{
    if (character == '-')
        return '+';
    if (character == '_')
        return '/';
    return text_lower(character);
}

static uint32_t hash_of_run(const char *text)
{
    uint32_t run = 0;
    for (size_t i = 0; i < RUN; i++)
        run = run << 8 | (unsigned char)fold(text[i]);
    return run * UINT32_C(2654435761) >> (32 - SET_BITS);
}

static void add_form(uint8_t *set, const char *form, size_t length)
{
    for (size_t i = 0; i + RUN <= length; i++) {
        uint32_t hash = hash_of_run(form + i);
        set[hash >> 3] |= (uint8_t)(1U << (hash & 7));
    }
}

static void add_json(uint8_t *set, const struct secret *secret)
{
    struct json_writer quoted = JSON_WRITER_EMPTY;
    json_writer_string_bytes(&quoted, secret->bytes, secret->length);
    add_form(set, quoted.text + 1, quoted.length - 2);
    json_writer_clear(&quoted);
}

/* Every byte escaped: a server that escapes fewer shows the others as they are, which is a form of its own.
 */
static void add_url_escaped(uint8_t *set, const struct secret *secret)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = secret->length * 3;
    char *form = memory_allocate(length + 1);
    for (size_t i = 0; i < secret->length; i++) {
        unsigned char byte = (unsigned char)secret->bytes[i];
        form[3 * i] = '%';
        form[3 * i + 1] = digits[byte >> 4];
        form[3 * i + 2] = digits[byte & 15];
    }
    add_form(set, form, length);
    secret_free_bytes(form, length);
}

/* The characters that the secret alone decides when `before` other bytes (0 to 2) stand ahead of it in a
 * group of three. */
static void add_base64(uint8_t *set, const struct secret *secret, size_t before)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t first = (8 * before + 5) / 6;
    size_t end = 8 * (before + secret->length) / 6;
    if (end <= first)
        return;
    char *form = memory_allocate(end - first);
    for (size_t i = first; i < end; i++) {
        size_t bit = 6 * i - 8 * before;
        size_t byte = bit / 8;
        unsigned pair = (unsigned)(unsigned char)secret->bytes[byte] << 8;
        if (byte + 1 < secret->length)
            pair |= (unsigned char)secret->bytes[byte + 1];
        form[i - first] = alphabet[pair >> (10 - bit % 8) & 63];
    }
    add_form(set, form, end - first);
    secret_free_bytes(form, end - first);
}

/* Behind the comparing, so that what is overwritten was compared. */
static void mask_runs(const uint8_t *set, char *text, size_t length)
{
    size_t end = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t hash = i + RUN <= length ? hash_of_run(text + i) : 0;
        if (i + RUN <= length && (set[hash >> 3] >> (hash & 7) & 1) != 0)
            end = i + RUN;
        if (i < end)
            text[i] = '*';
    }
}

static void mask_whole(const struct secret *secret, char *text, size_t length)
{
    char *end = text + length;
    for (char *at = text; (at = memmem(at, (size_t)(end - at), secret->bytes, secret->length));
         at += secret->length)
        memset(at, '*', secret->length);
}

void secret_mask(const struct secret *secret, char *text, size_t length)
{
    if (secret->length == 0)
        return;
    uint8_t *set = memory_allocate(SET_BYTES);
    add_form(set, secret->bytes, secret->length);
    add_json(set, secret);
    add_url_escaped(set, secret);
    for (size_t before = 0; before < 3; before++)
        add_base64(set, secret, before);
    mask_runs(set, text, length);
    secret_free_bytes(set, SET_BYTES);
    if (secret->length < RUN)
        mask_whole(secret, text, length);
}
