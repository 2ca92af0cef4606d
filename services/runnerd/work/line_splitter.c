#include "services/runnerd/work/line_splitter.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

static void give(struct line_splitter *splitter, bool whole, line_function *on_line, void *context)
{
    size_t length = splitter->length;
    if (length && splitter->bytes[length - 1] == '\r')
        length--;
    splitter->length = 0;
    if (length)
        on_line(context, splitter->bytes, length, whole && !splitter->cut);
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
            give(splitter, false, on_line, context);
            splitter->cut = true;
            bytes += room;
            length -= room;
            continue;
        }
        append(splitter, bytes, taken);
        if (end) {
            give(splitter, true, on_line, context);
            splitter->cut = false;
            taken++;
        }
        bytes += taken;
        length -= taken;
    }
}

void line_splitter_finish(struct line_splitter *splitter, line_function *on_line, void *context)
{
    give(splitter, true, on_line, context);
    splitter->cut = false;
}

void line_splitter_clear(struct line_splitter *splitter)
{
    free(splitter->bytes);
    *splitter = LINE_SPLITTER_EMPTY;
}
