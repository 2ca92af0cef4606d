/*
 * What a line of a job's stdout means: `{"progress": ...}` and `{"event": ...}` go to DMS, one with `level`
 * and `message` is logged at that level, any other line is logged as it is. One that begins as such an object
 * and is none may be a mistake of the job's author, who is told what would be right: OUTPUT_LINE_ADVICE.
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
    struct error fault; /* its code is ERROR_NONE unless the line begins with '{' and means nothing */
};

#define OUTPUT_LINE_ADVICE                                                                                   \
    "a line of JSON is {\"progress\": {\"percent\": 50}}, {\"event\": {\"name\": \"begun\"}} or "            \
    "{\"level\": \"info\", \"message\": \"text\"}"

void output_line_parse(const char *text, size_t length, struct output_line *line);
void output_line_clear(struct output_line *line);

#endif
