#include "libcommon/base/log.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *service;
    enum log_format format;
    enum log_level least;
} configured = {.service = "posemesh", .format = LOG_FORMAT_JSON, .least = LOG_LEVEL_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct line {
    char bytes[LIMIT_LOG_LINE_BYTES];
    size_t length;
};

enum {
    LINE_TAIL_BYTES = 8,  /* room for closing a string and an object is always kept */
    TASK_TEXT_BYTES = 256 /* of one field about the task: foreign text that must not push out the message */
};

void log_configure(const char *service, enum log_format format, enum log_level least)
{
    configured.service = service;
    configured.format = format;
    configured.least = least;
}

bool log_enabled(enum log_level level)
{
    return level >= configured.least;
}

static void line_put(struct line *line, const char *text, size_t length)
{
    size_t room = sizeof line->bytes - LINE_TAIL_BYTES - line->length;
    if (length > room)
        length = room;
    memcpy(line->bytes + line->length, text, length);
    line->length += length;
}

static void line_puts(struct line *line, const char *text)
{
    line_put(line, text, strlen(text));
}

/* Of clean text, in which a quote and a backslash are all that JSON escapes. */
static void line_put_json_string(struct line *line, const char *text)
{
    line_puts(line, "\"");
    /* A cut must not fall into a sequence or an escape. */
    while (*text && line->length + UTF8_MAX_BYTES + LINE_TAIL_BYTES <= sizeof line->bytes) {
        size_t length = utf8_sequence_bytes(*text);
        if (*text == '"' || *text == '\\')
            line_puts(line, "\\");
        line_put(line, text, length);
        text += length;
    }
    /* The tail is reserved for this. */
    line->bytes[line->length++] = '"';
}

static void line_put_member(struct line *line, const char *name, const char *value)
{
    if (!value || sizeof line->bytes - line->length < 64)
        return;
    line_puts(line, ",\"");
    line_puts(line, name);
    line_puts(line, "\":");
    line_put_json_string(line, value);
}

static void line_put_task_member(struct line *line, const char *name, const char *value)
{
    char clean[TASK_TEXT_BYTES];
    if (value)
        line_put_member(line, name, text_one_line(value, strlen(value), clean, sizeof clean));
}

static void compose_json(struct line *line, const char *time, enum log_level level,
                         const struct log_task *task, const char *message)
{
    line_puts(line, "{\"ts\":");
    line_put_json_string(line, time);
    line_put_member(line, "level", level_names[level]);
    line_put_member(line, "service", configured.service);
    if (task) {
        line_put_task_member(line, "task_id", task->task_id);
        line_put_task_member(line, "job_id", task->job_id);
        line_put_task_member(line, "capability", task->capability);
        line_put_task_member(line, "domain_id", task->domain_id);
    }
    line_put_member(line, "msg", message);
    line->bytes[line->length++] = '}';
    line->bytes[line->length++] = '\n';
}

static void line_put_task_text(struct line *line, const char *name, const char *value)
{
    char clean[TASK_TEXT_BYTES];
    if (!value)
        return;
    line_puts(line, name);
    line_puts(line, text_one_line(value, strlen(value), clean, sizeof clean));
}

static void compose_text(struct line *line, const char *time, enum log_level level,
                         const struct log_task *task, const char *message)
{
    char head[96];
    snprintf(head, sizeof head, "%s %-5s %-8s ", time, level_names[level], configured.service);
    line_puts(line, head);
    line_puts(line, message);
    if (task) {
        line_put_task_text(line, "  task=", task->task_id);
        line_put_task_text(line, " capability=", task->capability);
    }
    line->bytes[line->length++] = '\n';
}

void log_write(enum log_level level, const struct log_task *task, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    char message[LIMIT_LOG_MESSAGE_BYTES + 1];
    char clean[LIMIT_LOG_MESSAGE_BYTES + 1];
    char time[RFC3339_BYTES];
    struct line line = {.length = 0};
    va_list arguments;
    va_start(arguments, format);
    text_format_list(message, sizeof message, format, arguments);
    va_end(arguments);
    text_one_line(message, strlen(message), clean, sizeof clean);
    rfc3339_format_milliseconds(clock_unix_ms(), time);
    if (configured.format == LOG_FORMAT_JSON)
        compose_json(&line, time, level, task, clean);
    else
        compose_text(&line, time, level, task, clean);
    /* A log that cannot be written must not stop the node. */
    ssize_t ignored = write(STDERR_FILENO, line.bytes, line.length);
    (void)ignored;
    errno = saved_errno;
}
