#include "services/runnerd/work/line_splitter.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void give_line(struct line_splitter *splitter, line_function *on_line, void *context)
{
    size_t length = splitter->length;
    if (length && splitter->bytes[length - 1] == '\r')
        length--;
    splitter->length = 0;
    if (length)
        on_line(context, splitter->bytes, length, splitter->pieces ? splitter->pieces + 1 : 0);
    splitter->pieces = 0;
}

/* A character that is not whole yet begins the next piece. */
static void give_piece(struct line_splitter *splitter, line_function *on_line, void *context)
{
    size_t length = text_cut(splitter->bytes, SIZE_MAX, splitter->length);
    on_line(context, splitter->bytes, length, ++splitter->pieces);
    splitter->length -= length;
    memmove(splitter->bytes, splitter->bytes + length, splitter->length);
}

static void append(struct line_splitter *splitter, const char *bytes, size_t length)
{
    if (splitter->length + length > splitter->capacity) {
        size_t capacity = splitter->capacity ? splitter->capacity : 1024;
        while (capacity < splitter->length + length)
            capacity *= 2;
        splitter->bytes = memory_resize_array(splitter->bytes, capacity, 1);
        splitter->capacity = capacity;
    }
    if (length)
        memcpy(splitter->bytes + splitter->length, bytes, length);
    splitter->length += length;
}

void line_splitter_feed(struct line_splitter *splitter, const char *bytes, size_t length,
                        line_function *on_line, void *context)
{
    while (length) {
        size_t room = LIMIT_OUTPUT_LINE_BYTES - splitter->length;
        const char *end = memchr(bytes, '\n', length);
        size_t taken = end ? (size_t)(end - bytes) : length;
        if (taken > room) {
            append(splitter, bytes, room);
            give_piece(splitter, on_line, context);
            bytes += room;
            length -= room;
            continue;
        }
        append(splitter, bytes, taken);
        if (end) {
            give_line(splitter, on_line, context);
            taken++;
        }
        bytes += taken;
        length -= taken;
    }
}

void line_splitter_finish(struct line_splitter *splitter, line_function *on_line, void *context)
{
    give_line(splitter, on_line, context);
}

void line_splitter_clear(struct line_splitter *splitter)
{
    free(splitter->bytes);
    *splitter = LINE_SPLITTER_EMPTY;
}
