/*
 * Feeds pairs of bytes, each a piece of a job's output: a character and how many of it (the larger counts by
 * the KiB, so that lines above the limit come up).
 *
 * The lines are those of the whole output cut at its line feeds, whatever pieces it came in; one above the
 * limit comes in pieces that end between characters, and the memory stays bounded.
 */
#include "services/runnerd/work/line_splitter.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { OUTPUT_BYTES_MAX = 4 * LIMIT_OUTPUT_LINE_BYTES };

/* The lines seen so far, as one number that depends on all of them. */
struct digest {
    uint64_t value;
};

static void add(struct digest *digest, uint64_t number)
{
    digest->value = (digest->value ^ number) * UINT64_C(0x100000001b3);
    digest->value ^= digest->value >> 29;
}

static void on_line(void *context, const char *text, size_t length, size_t piece)
{
    struct digest *digest = context;
    fuzz_expect(length > 0 && length <= LIMIT_OUTPUT_LINE_BYTES, "a line is bounded and not empty");
    fuzz_expect(!memchr(text, '\n', length), "a line has no line feed in it");
    add(digest, length);
    add(digest, piece);
    add(digest, (unsigned char)text[0]);
    add(digest, (unsigned char)text[length / 2]);
    add(digest, (unsigned char)text[length - 1]);
}

static void give(struct digest *digest, const char *text, size_t length, size_t piece)
{
    if (length > 0 && text[length - 1] == '\r')
        length--;
    if (length > 0)
        on_line(digest, text, length, piece);
}

static void split_slowly(const char *output, size_t length, struct digest *digest)
{
    while (length > 0) {
        const char *line_feed = memchr(output, '\n', length);
        size_t line = line_feed ? (size_t)(line_feed - output) : length;
        size_t taken = line + (line_feed != NULL);
        const char *text = output;
        size_t piece = 0;
        while (line > LIMIT_OUTPUT_LINE_BYTES) {
            size_t cut = text_cut(text, line, LIMIT_OUTPUT_LINE_BYTES);
            on_line(digest, text, cut, ++piece);
            text += cut;
            line -= cut;
        }
        give(digest, text, line, piece ? piece + 1 : 0);
        output += taken;
        length -= taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char output[OUTPUT_BYTES_MAX];
    struct fuzz_input input = {data, size};
    struct line_splitter splitter = LINE_SPLITTER_EMPTY;
    struct digest in_pieces = {0};
    struct digest slowly = {0};
    size_t length = 0;
    while (input.length > 0 && length < OUTPUT_BYTES_MAX) {
        uint8_t character = fuzz_take_byte(&input);
        size_t count = fuzz_take_byte(&input);
        count = count > 16 ? (count - 16) * 1024 : count;
        count = count < OUTPUT_BYTES_MAX - length ? count : OUTPUT_BYTES_MAX - length;
        memset(output + length, character, count);
        line_splitter_feed(&splitter, output + length, count, on_line, &in_pieces);
        length += count;
        fuzz_expect(splitter.capacity <= 2 * (size_t)LIMIT_OUTPUT_LINE_BYTES, "the memory is bounded");
    }
    line_splitter_finish(&splitter, on_line, &in_pieces);
    split_slowly(output, length, &slowly);
    fuzz_expect(in_pieces.value == slowly.value, "the lines are those of the whole output");
    line_splitter_clear(&splitter);
    return 0;
}
