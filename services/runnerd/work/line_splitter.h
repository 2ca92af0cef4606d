/*
 * Cuts a job's output into lines. A line above LIMIT_OUTPUT_LINE_BYTES comes in pieces, so that memory stays
 * bounded whatever the job prints.
 */
#ifndef RUNNERD_WORK_LINE_SPLITTER_H
#define RUNNERD_WORK_LINE_SPLITTER_H

#include <stddef.h>

struct line_splitter {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t pieces; /* of the current line, given already */
};

#define LINE_SPLITTER_EMPTY ((struct line_splitter){NULL, 0, 0, 0})

/* Without line end; not NUL-terminated. `piece` is 0 for a whole line; those of a line that is too long count
 * from 1. */
typedef void line_function(void *context, const char *text, size_t length, size_t piece);

void line_splitter_feed(struct line_splitter *splitter, const char *bytes, size_t length,
                        line_function *on_line, void *context);

/* Gives what came after the last line end. */
void line_splitter_finish(struct line_splitter *splitter, line_function *on_line, void *context);

void line_splitter_clear(struct line_splitter *splitter);

#endif
