/*
 * Feeds a way to encode, where to cut, a secret, a line break, and what a server may say after it has seen
 * the secret.
 *
 * What is not overwritten stays as it was, and no run of the secret is left: in that text as it stands, and
 * in one that quotes the secret encoded in any way, cut anywhere, not eight bytes in a row either when
 * whoever reads it takes the escapes off or decodes it.
 */
#include "libcommon/http/secret_mask.h"

#include "libcommon/base/memory.h"
#include "libcommon/http/unescaped.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEN_BYTES = 8, LAYERS = 2, PIECE_BYTES = 16 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* --- a server that quotes --- */

static char *escape(const char *bytes, size_t length, uint8_t how, size_t *out_bytes)
{
    char *out = memory_allocate(length * PIECE_BYTES + 1);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned byte = (unsigned char)bytes[i];
        bool in_url = how & 1;
        if (((how & 4) && byte >= '0' && byte != '\\') || (!in_url && byte >= 0x80))
            out[used++] = (char)byte;
        else if (in_url)
            used += (size_t)snprintf(out + used, PIECE_BYTES, how & 2 ? "%%%02x" : "%%%02X", byte);
        else if ((how & 2) && byte && strchr("\"\\/", (int)byte))
            used += (size_t)snprintf(out + used, PIECE_BYTES, "\\%c", byte);
        else
            used += (size_t)snprintf(out + used, PIECE_BYTES, "\\u%04x", byte);
    }
    *out_bytes = used;
    return out;
}

static char *encode_base64(const char *bytes, size_t length, uint8_t how, size_t *out_bytes)
{
    size_t before = how % 3;
    char *whole = memory_allocate(length + 3);
    memcpy(whole, "::", before);
    memcpy(whole + before, bytes, length);
    size_t bits = 8 * (length + before);
    char *out = memory_allocate(bits / 6 + 2);
    *out_bytes = (bits + 5) / 6;
    for (size_t i = 0; i < *out_bytes; i++) {
        size_t at = 6 * i;
        unsigned pair = (unsigned)(unsigned char)whole[at / 8] << 8;
        if (at / 8 + 1 < length + before)
            pair |= (unsigned char)whole[at / 8 + 1];
        out[i] = alphabet[pair >> (10 - at % 8) & 63];
        if ((how & 8) && out[i] == '+')
            out[i] = '-';
        if ((how & 8) && out[i] == '/')
            out[i] = '_';
    }
    free(whole);
    return out;
}

static char *encode(const struct secret *secret, uint8_t how, size_t *out_bytes)
{
    char *first = how & 16 ? encode_base64(secret->bytes, secret->length, how, out_bytes)
                           : escape(secret->bytes, secret->length, how, out_bytes);
    if (!(how & 32))
        return first;
    char *second = escape(first, *out_bytes, how >> 6, out_bytes);
    free(first);
    return second;
}

/* --- whoever reads it --- */

static void expect_unseen(const struct secret *secret, const char *run)
{
    fuzz_expect(memchr(run, '*', SEEN_BYTES) || !memmem(secret->bytes, secret->length, run, SEEN_BYTES),
                "nobody can read eight bytes of the secret");
}

static void look_for_base64(const struct secret *secret, const char *text, size_t length, size_t shift)
{
    enum { DIGITS = 12, LOOKED_AT_BITS = 8 * SEEN_BYTES };
    for (size_t i = 0; i + DIGITS <= length; i++) {
        char run[SEEN_BYTES] = {0};
        size_t bit = 0;
        for (; bit < LOOKED_AT_BITS; bit++) {
            char digit = text[i + (bit + shift) / 6];
            const char *place = digit == '-'   ? alphabet + 62
                                : digit == '_' ? alphabet + 63
                                               : strchr(alphabet, digit);
            if (!place || !digit)
                break;
            unsigned value = (unsigned)(place - alphabet) >> (5 - (bit + shift) % 6) & 1;
            run[bit / 8] = (char)((unsigned)(unsigned char)run[bit / 8] << 1 | value);
        }
        if (bit == LOOKED_AT_BITS)
            expect_unseen(secret, run);
    }
}

static void look(const struct secret *secret, const char *masked, size_t length)
{
    struct unescaped view;
    unescaped_init(&view, masked, length);
    for (size_t layer = 0; layer <= LAYERS; layer++) {
        for (size_t i = 0; i + SEEN_BYTES <= view.length; i++)
            expect_unseen(secret, view.bytes + i);
        for (size_t shift = 0; shift < 6; shift += 2)
            look_for_base64(secret, view.bytes, view.length, shift);
        unescaped_peel(&view);
    }
    unescaped_clear(&view);
}

static void quote(const struct secret *secret, uint8_t how, uint8_t cut_front, uint8_t cut_end)
{
    size_t length = 0;
    char *text = encode(secret, how, &length);
    size_t from = cut_front % (length + 1);
    size_t to = length - cut_end % (length - from + 1);
    char *masked = memory_copy_bytes(text + from, to - from);
    secret_mask(secret, masked, to - from);
    look(secret, masked, to - from);
    free(masked);
    free(text);
}

/* --- any text --- */

static void say(const struct secret *secret, const struct fuzz_input *text)
{
    size_t run = secret->length < SECRET_MASK_LONG_BYTES ? SECRET_MASK_RUN_BYTES : SECRET_MASK_LONG_RUN_BYTES;
    char *masked = memory_copy_bytes(text->length > 0 ? (const char *)text->bytes : "", text->length);
    secret_mask(secret, masked, text->length);
    for (size_t i = 0; i < text->length; i++)
        fuzz_expect(masked[i] == (char)text->bytes[i] || masked[i] == '*', "what is not hidden stays");
    for (size_t i = 0; i + run <= secret->length; i++)
        fuzz_expect(memchr(secret->bytes + i, '*', run) ||
                        !memmem(masked, text->length, secret->bytes + i, run),
                    "no run of the secret is left");
    free(masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input text = {data, size};
    uint8_t how = fuzz_take_byte(&text);
    uint8_t cut_front = fuzz_take_byte(&text);
    uint8_t cut_end = fuzz_take_byte(&text);
    struct fuzz_input given = fuzz_take_bytes(&text, '\n');
    struct secret secret = SECRET_EMPTY;
    secret_assign(&secret, given.bytes, given.length);
    say(&secret, &text);
    if (secret.length > 0)
        quote(&secret, how, cut_front, cut_end);
    secret_wipe(&secret);
    return 0;
}
