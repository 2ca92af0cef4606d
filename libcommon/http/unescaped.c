#include "libcommon/http/unescaped.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/secret.h"
#include "libcommon/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void unescaped_init(struct unescaped *unescaped, const char *text, size_t length)
{
    unescaped->bytes = memory_allocate(length + 1);
    unescaped->origins = memory_allocate((length + 1) * sizeof *unescaped->origins);
    unescaped->length = length;
    if (length)
        memcpy(unescaped->bytes, text, length);
    for (size_t i = 0; i < length; i++)
        unescaped->origins[i] = (struct unescaped_origin){i, i + 1};
}

void unescaped_clear(struct unescaped *unescaped)
{
    secret_free_bytes(unescaped->bytes, unescaped->length);
    free(unescaped->origins);
    *unescaped = (struct unescaped){0};
}

static bool read_hex(const char *text, size_t digits, uint32_t *value)
{
    uint8_t bytes[2] = {0, 0};
    if (!hex_decode(text, digits, bytes + 2 - digits / 2))
        return false;
    *value = (uint32_t)bytes[0] << 8 | bytes[1];
    return true;
}

/* "\u" and four digits, or two such that are a pair of surrogates. Returns the bytes of the escape; 0: none.
 */
static size_t read_unicode(const char *text, size_t length, uint32_t *code_point)
{
    enum { BYTES = 6, PAIR_BYTES = 12 };
    uint32_t low = 0;
    if (length < BYTES || text[1] != 'u' || !read_hex(text + 2, 4, code_point))
        return 0;
    if (*code_point < 0xd800 || *code_point >= 0xe000)
        return BYTES;
    if (*code_point >= 0xdc00 || length < PAIR_BYTES || text[BYTES] != '\\' || text[BYTES + 1] != 'u' ||
        !read_hex(text + BYTES + 2, 4, &low) || low < 0xdc00 || low >= 0xe000)
        return 0;
    *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
    return PAIR_BYTES;
}

/* The bytes of the escape that `text` begins with, and what it stands for; 0: it begins with none. */
static size_t read_escape(const char *text, size_t length, char out[UTF8_MAX_BYTES], size_t *out_bytes)
{
    static const char names[] = "bfnrt\"\\/";
    static const char values[] = "\b\f\n\r\t\"\\/";
    uint32_t value = 0;
    *out_bytes = 1;
    if (length >= 3 && text[0] == '%' && read_hex(text + 1, 2, &value)) {
        out[0] = (char)value;
        return 3;
    }
    if (length < 2 || text[0] != '\\')
        return 0;
    const char *name = memchr(names, text[1], sizeof names - 1);
    if (name) {
        out[0] = values[name - names];
        return 2;
    }
    size_t bytes = read_unicode(text, length, &value);
    if (bytes)
        *out_bytes = utf8_encode(value, out);
    return bytes;
}

/* In place: what an escape stands for is never longer than it. */
void unescaped_peel(struct unescaped *unescaped)
{
    size_t used = 0;
    for (size_t i = 0, step; i < unescaped->length; i += step) {
        char out[UTF8_MAX_BYTES] = {unescaped->bytes[i]};
        size_t out_bytes = 1;
        step = read_escape(unescaped->bytes + i, unescaped->length - i, out, &out_bytes);
        if (step == 0)
            step = out_bytes = 1;
        const struct unescaped_origin origin = {unescaped->origins[i].from,
                                                unescaped->origins[i + step - 1].to};
        for (size_t j = 0; j < out_bytes; j++, used++) {
            unescaped->bytes[used] = out[j];
            unescaped->origins[used] = origin;
        }
    }
    secret_wipe_bytes(unescaped->bytes + used, unescaped->length - used);
    unescaped->length = used;
}
