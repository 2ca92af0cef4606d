/*
 * What a line of a job's stdout means: `{"progress": ...}` and `{"event": ...}` go to DMS, one with `level`
 * and `message` is logged at that level, any other line is logged as it is.
 */
#ifndef RUNNERD_WORK_OUTPUT_LINE_H
#define RUNNERD_WORK_OUTPUT_LINE_H

#include "libcommon/base/log.h"
#include "libcommon/json/json_text.h"

#include <stddef.h>

struct output_line {
    struct json_slice progress; /* points into the line; no text: none */
    struct json_slice event;
    char *message; /* to be logged, owned; NULL: the line as it is, unless it is progress or an event */
    enum log_level level;
};

void output_line_parse(const char *text, size_t length, struct output_line *line);
void output_line_clear(struct output_line *line);

#endif
