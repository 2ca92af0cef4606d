#include "services/runnerd/work/output_line.h"

#include "libcommon/base/text.h"
#include "libcommon/json/json_field.h"

#include <stdlib.h>
#include <string.h>

/* The names that logging libraries of common languages use. */
static enum log_level level_of(const char *name)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        {"trace", LOG_LEVEL_DEBUG},    {"debug", LOG_LEVEL_DEBUG}, {"warn", LOG_LEVEL_WARN},
        {"warning", LOG_LEVEL_WARN},   {"error", LOG_LEVEL_ERROR}, {"fatal", LOG_LEVEL_ERROR},
        {"critical", LOG_LEVEL_ERROR},
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (text_equal_any_case(name, strlen(name), levels[i].name))
            return levels[i].level;
    return LOG_LEVEL_INFO;
}

/* False with the fault of an object that has no member that is meant for us. */
static bool read_members(struct json_slice object, struct output_line *line)
{
    char *level = NULL;
    if (!json_text_member(object, "progress", &line->progress, &line->fault) ||
        !json_text_member(object, "event", &line->event, &line->fault))
        return false;
    if (line->progress.text || line->event.text)
        return true;
    bool ok = json_field_string(object, "level", &level, &line->fault) &&
              json_field_string(object, "message", &line->message, &line->fault);
    if (ok && level && line->message)
        line->level = level_of(level);
    else if (ok)
        ok =
            error_set(&line->fault, ERROR_INVALID, "it has no progress, no event, and not level and message");
    if (!ok)
        output_line_clear(line);
    free(level);
    return ok;
}

void output_line_parse(const char *text, size_t length, struct output_line *line)
{
    struct json_slice object;
    *line = (struct output_line){.level = LOG_LEVEL_INFO};
    text_trim(&text, &length);
    /* Most lines are plain text: no parser for them. */
    if (!length || text[0] != '{')
        return;
    if (!json_field_parse_object(text, length, &object, &line->fault) || !read_members(object, line))
        line->progress = line->event = (struct json_slice){NULL, 0};
}

void output_line_clear(struct output_line *line)
{
    free(line->message);
    line->message = NULL;
}
