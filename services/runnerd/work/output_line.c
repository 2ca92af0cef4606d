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

void output_line_parse(const char *text, size_t length, struct output_line *line)
{
    struct error error;
    struct json_slice object;
    struct json_slice progress;
    struct json_slice event;
    *line = (struct output_line){.level = LOG_LEVEL_INFO};
    text_trim(&text, &length);
    /* Most lines are plain text: no parser for them. */
    if (!length || text[0] != '{' || !json_field_parse_object(text, length, &object, &error))
        return;
    if (!json_text_member(object, "progress", &progress, &error) ||
        !json_text_member(object, "event", &event, &error))
        return;
    line->progress = progress;
    line->event = event;
    if (progress.text || event.text)
        return;
    char *level = NULL;
    if (json_field_string(object, "level", &level, &error) && level &&
        json_field_string(object, "message", &line->message, &error) && line->message)
        line->level = level_of(level);
    free(level);
}

void output_line_clear(struct output_line *line)
{
    free(line->message);
    line->message = NULL;
}
