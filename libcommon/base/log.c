#include "libcommon/base/log.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/fatal.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log_writer.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/text.h"
#include "libcommon/base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *service;
    enum log_format format;
    enum log_level least;
} configured = {.service = "posemesh", .format = LOG_FORMAT_JSON, .least = LOG_LEVEL_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

_Static_assert(LIMIT_LOG_LINE_BYTES <= PIPE_BUF, "a pipe takes a line whole or not yet");

struct line {
    char bytes[LIMIT_LOG_LINE_BYTES];
    size_t length;
};

/* What a line says, and of whom. The message is clean: text_one_line(). */
struct entry {
    enum log_level level;
    enum log_origin origin;
    const struct log_task *task;
    size_t part; /* 0: the message is whole */
    const char *message;
};

enum {
    LINE_TAIL_BYTES = 8,   /* room for closing a string and an object is always kept */
    TASK_TEXT_BYTES = 256, /* of one field about the task: foreign text that must not push out the message */
    TEXT_TAIL_BYTES = 2 * TASK_TEXT_BYTES + 32 /* of a line for people, behind the message */
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

/* Of clean text, in which a quote and a backslash are all that JSON escapes. Returns how much of it fits. */
static size_t line_put_json_string(struct line *line, const char *text)
{
    const char *rest = text;
    line_puts(line, "\"");
    /* A cut must not fall into a sequence or an escape. */
    while (*rest && line->length + UTF8_MAX_BYTES + LINE_TAIL_BYTES <= sizeof line->bytes) {
        size_t length = utf8_sequence_bytes(*rest);
        if (*rest == '"' || *rest == '\\')
            line_puts(line, "\\");
        line_put(line, rest, length);
        rest += length;
    }
    /* The tail is reserved for this. */
    line->bytes[line->length++] = '"';
    return (size_t)(rest - text);
}

static size_t line_put_member(struct line *line, const char *name, const char *value)
{
    if (!value || sizeof line->bytes - line->length < 64)
        return 0;
    line_puts(line, ",\"");
    line_puts(line, name);
    line_puts(line, "\":");
    return line_put_json_string(line, value);
}

static void line_put_task_member(struct line *line, const char *name, const char *value)
{
    char clean[TASK_TEXT_BYTES];
    if (value)
        line_put_member(line, name, text_one_line(value, strlen(value), clean, sizeof clean));
}

static size_t compose_json(struct line *line, const char *time, const struct entry *entry)
{
    char part[32];
    line_puts(line, "{\"ts\":");
    line_put_json_string(line, time);
    line_put_member(line, "level", level_names[entry->level]);
    line_put_member(line, "service", configured.service);
    if (entry->origin == LOG_ORIGIN_JOB)
        line_put_member(line, "source", "job");
    if (entry->task) {
        line_put_task_member(line, "task_id", entry->task->task_id);
        line_put_task_member(line, "job_id", entry->task->job_id);
        line_put_task_member(line, "capability", entry->task->capability);
        line_put_task_member(line, "domain_id", entry->task->domain_id);
    }
    if (entry->part) {
        snprintf(part, sizeof part, ",\"part\":%zu", entry->part);
        line_puts(line, part);
    }
    size_t taken = line_put_member(line, "msg", entry->message);
    line->bytes[line->length++] = '}';
    line->bytes[line->length++] = '\n';
    return taken;
}

static void line_put_task_text(struct line *line, const char *name, const char *value)
{
    char clean[TASK_TEXT_BYTES];
    if (!value)
        return;
    line_puts(line, name);
    line_puts(line, text_one_line(value, strlen(value), clean, sizeof clean));
}

static size_t compose_text(struct line *line, const char *time, const struct entry *entry)
{
    char head[128];
    char part[32] = "";
    if (entry->part)
        snprintf(part, sizeof part, "(part %zu) ", entry->part);
    snprintf(head, sizeof head, "%s %-5s %-8s %s%s", time, level_names[entry->level], configured.service,
             entry->origin == LOG_ORIGIN_JOB ? "job | " : "", part);
    line_puts(line, head);
    size_t room = sizeof line->bytes - TEXT_TAIL_BYTES - line->length;
    size_t taken = text_cut(entry->message, strnlen(entry->message, room + 1), room);
    line_put(line, entry->message, taken);
    if (entry->task) {
        line_put_task_text(line, "  task=", entry->task->task_id);
        line_put_task_text(line, " capability=", entry->task->capability);
    }
    line->bytes[line->length++] = '\n';
    return taken;
}

/* Returns how much of the message fits. */
static size_t compose(struct line *line, const struct entry *entry)
{
    char time[RFC3339_BYTES];
    rfc3339_format_milliseconds(clock_unix_ms(), time);
    line->length = 0;
    return configured.format == LOG_FORMAT_JSON ? compose_json(line, time, entry)
                                                : compose_text(line, time, entry);
}

void log_write(enum log_level level, const struct log_task *task, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    char message[LIMIT_LOG_MESSAGE_BYTES + 1];
    char clean[LIMIT_LOG_MESSAGE_BYTES + 1];
    struct line line;
    va_list arguments;
    va_start(arguments, format);
    text_format_list(message, sizeof message, format, arguments);
    va_end(arguments);
    text_one_line(message, strlen(message), clean, sizeof clean);
    compose(&line, &(struct entry){.level = level, .task = task, .message = clean});
    log_writer_put(LOG_ORIGIN_NODE, line.bytes, line.length);
    errno = saved_errno;
}

size_t log_write_job(enum log_level level, const struct log_task *task, const char *text, size_t length,
                     size_t parts)
{
    if (!log_enabled(level))
        return parts;
    int saved_errno = errno;
    char *clean = text_copy_one_line(text, length);
    struct entry entry = {.level = level, .origin = LOG_ORIGIN_JOB, .task = task, .message = clean};
    struct line line;
    do {
        entry.part = parts ? parts + 1 : 0;
        size_t taken = compose(&line, &entry);
        if (!entry.part && entry.message[taken]) {
            entry.part = 1;
            taken = compose(&line, &entry);
        }
        log_writer_put(LOG_ORIGIN_JOB, line.bytes, line.length);
        entry.message += taken;
        parts++;
    } while (*entry.message);
    free(clean);
    errno = saved_errno;
    return parts;
}

static size_t make_notice(uint64_t dropped, char bytes[LIMIT_LOG_LINE_BYTES])
{
    char message[128];
    struct line line;
    bool one = dropped == 1;
    snprintf(message, sizeof message,
             "%" PRIu64 " line%s of the log %s dropped: %s could not be written in time", dropped,
             one ? "" : "s", one ? "was" : "were", one ? "it" : "they");
    compose(&line, &(struct entry){.level = LOG_LEVEL_WARN, .message = message});
    memcpy(bytes, line.bytes, line.length);
    return line.length;
}

bool log_start_writer(struct error *error)
{
    fatal_set_last_act(log_writer_finish);
    return log_writer_start(make_notice, error);
}

void log_finish(void)
{
    log_writer_finish();
}
