#include "libcommon/http/secret_mask.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/http/unescaped.h"
#include "libcommon/json/json_writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An escape in an escape (JSON in a URL's query, JSON in JSON) is as far as a server's quoting is followed.
 */
enum { LAYERS = 2 };

/* All runs that the forms of a secret have, sorted once they are all there. */
struct runs {
    uint64_t *items;
    size_t count;
    size_t run_bytes;
};

/* Base64 comes in two alphabets, and forms write a space as a plus: what is alike looks alike here. */
static char fold(char character)
{
    if (character == '-' || character == ' ')
        return '+';
    if (character == '_')
        return '/';
    return text_lower(character);
}

/* The last `run_bytes` bytes up to this one. */
static uint64_t roll(uint64_t run, size_t run_bytes, char character)
{
    return (run << 8 | (unsigned char)fold(character)) & ((UINT64_C(1) << (8 * run_bytes)) - 1);
}

static void add_form(struct runs *runs, const char *form, size_t length)
{
    uint64_t run = 0;
    for (size_t i = 0; i < length; i++) {
        run = roll(run, runs->run_bytes, form[i]);
        if (i + 1 >= runs->run_bytes)
            runs->items[runs->count++] = run;
    }
}

/*
 * The characters that the bytes alone decide when `before` others (0 to 2) stand ahead of them in a group of
 * three. One byte behind them is read, and counts for nothing.
 */
static void add_base64(struct runs *runs, const char *bytes, size_t length, size_t before)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t first = (8 * before + 5) / 6;
    size_t end = 8 * (before + length) / 6;
    uint64_t run = 0;
    for (size_t i = first; i < end; i++) {
        size_t bit = 6 * i - 8 * before;
        size_t byte = bit / 8;
        unsigned pair = (unsigned)(unsigned char)bytes[byte] << 8 | (unsigned char)bytes[byte + 1];
        run = roll(run, runs->run_bytes, alphabet[pair >> (10 - bit % 8) & 63]);
        if (i + 1 - first >= runs->run_bytes)
            runs->items[runs->count++] = run;
    }
}

static void add_all_forms(struct runs *runs, const char *bytes, size_t length)
{
    add_form(runs, bytes, length);
    for (size_t before = 0; before < 3; before++)
        add_base64(runs, bytes, length, before);
}

static int compare_runs(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

/*
 * As it is, as it was sent within a JSON body, and without what looks like escapes in it: the text is read
 * without escapes, too.
 */
static void collect(struct runs *runs, const struct secret *secret)
{
    enum { MOST_RUNS_PER_BYTE = 5 }; /* itself, and three times four thirds of it */
    struct json_writer quoted = JSON_WRITER_EMPTY;
    struct unescaped peeled;
    json_writer_string_bytes(&quoted, secret->bytes, secret->length);
    runs->items = memory_allocate_array(quoted.length + (1 + LAYERS) * secret->length,
                                        MOST_RUNS_PER_BYTE * sizeof *runs->items);
    add_all_forms(runs, secret->bytes, secret->length);
    if (quoted.length - 2 != secret->length)
        add_all_forms(runs, quoted.text + 1, quoted.length - 2);
    json_writer_clear(&quoted);
    unescaped_init(&peeled, secret->bytes, secret->length);
    for (size_t layer = 0; layer < LAYERS; layer++) {
        size_t before = peeled.length;
        unescaped_peel(&peeled);
        if (peeled.length != before)
            add_all_forms(runs, peeled.bytes, peeled.length);
    }
    unescaped_clear(&peeled);
    qsort(runs->items, runs->count, sizeof *runs->items, compare_runs);
}

static void mark(const struct unescaped *view, size_t from, size_t to, bool *hidden)
{
    size_t first = view->origins[from].from;
    memset(hidden + first, true, view->origins[to - 1].to - first);
}

static void mark_runs(const struct runs *runs, const struct unescaped *view, bool *hidden)
{
    uint64_t run = 0;
    for (size_t i = 0; i < view->length; i++) {
        run = roll(run, runs->run_bytes, view->bytes[i]);
        if (i + 1 >= runs->run_bytes &&
            bsearch(&run, runs->items, runs->count, sizeof *runs->items, compare_runs))
            mark(view, i + 1 - runs->run_bytes, i + 1, hidden);
    }
}

static void mark_whole(const struct secret *secret, const struct unescaped *view, bool *hidden)
{
    for (size_t i = 0; i + secret->length <= view->length; i++)
        if (memcmp(view->bytes + i, secret->bytes, secret->length) == 0)
            mark(view, i, i + secret->length, hidden);
}

void secret_mask(const struct secret *secret, char *text, size_t length)
{
    if (secret->length == 0)
        return;
    struct runs runs = {.run_bytes = secret->length < SECRET_MASK_LONG_BYTES ? SECRET_MASK_RUN_BYTES
                                                                             : SECRET_MASK_LONG_RUN_BYTES};
    struct unescaped view;
    bool *hidden = memory_allocate(length);
    collect(&runs, secret);
    unescaped_init(&view, text, length);
    for (size_t layer = 0; layer <= LAYERS; layer++) {
        mark_runs(&runs, &view, hidden);
        if (secret->length < SECRET_MASK_RUN_BYTES)
            mark_whole(secret, &view, hidden);
        unescaped_peel(&view);
    }
    unescaped_clear(&view);
    for (size_t i = 0; i < length; i++)
        if (hidden[i])
            text[i] = '*';
    secret_free_bytes(runs.items, runs.count * sizeof *runs.items);
    free(hidden);
}
