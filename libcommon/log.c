#include "libcommon/log.h"

#include "libcommon/clock.h"
#include "libcommon/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
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

/* Room for closing a string and an object is always kept. */
enum { LINE_TAIL_BYTES = 8 };

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

/* The length of the valid UTF-8 sequence at `text`, or 0. */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80             ? 1
                    : (text[0] & 0xe0) == 0xc0 ? 2
                    : (text[0] & 0xf0) == 0xe0 ? 3
                    : (text[0] & 0xf8) == 0xf0 ? 4
                                               : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length == 2 && text[0] < 0xc2 ? 0 : length;
}

static void line_put_json_string(struct line *line, const char *text)
{
    line_puts(line, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        size_t length = utf8_length(c);
        /* A cut must not fall into a sequence or an escape. */
        if (line->length + 8 + LINE_TAIL_BYTES > sizeof line->bytes)
            break;
        if (*c == '"' || *c == '\\') {
            char escaped[2] = {'\\', (char)*c};
            line_put(line, escaped, 2);
        } else if (*c < 0x20 || *c == 0x7f || !length) {
            char escaped[8];
            snprintf(escaped, sizeof escaped, "\\u%04x", !length ? 0xfffd : *c);
            line_puts(line, escaped);
        } else {
            line_put(line, (const char *)c, length);
        }
        c += length ? length : 1;
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

static void compose_json(struct line *line, const char *time, enum log_level level,
                         const struct log_task *task, const char *message)
{
    line_puts(line, "{\"ts\":");
    line_put_json_string(line, time);
    line_put_member(line, "level", level_names[level]);
    line_put_member(line, "service", configured.service);
    if (task) {
        line_put_member(line, "task_id", task->task_id);
        line_put_member(line, "job_id", task->job_id);
        line_put_member(line, "capability", task->capability);
        line_put_member(line, "domain_id", task->domain_id);
    }
    line_put_member(line, "msg", message);
    line->bytes[line->length++] = '}';
    line->bytes[line->length++] = '\n';
}

static void compose_text(struct line *line, const char *time, enum log_level level,
                         const struct log_task *task, const char *message)
{
    char head[96];
    char clean[LIMIT_LOG_LINE_BYTES / 2];
    snprintf(head, sizeof head, "%s %-5s %-8s ", time, level_names[level], configured.service);
    line_puts(line, head);
    line_puts(line, log_one_line(message, strlen(message), clean, sizeof clean));
    if (task && task->task_id) {
        line_puts(line, "  task=");
        line_puts(line, task->task_id);
    }
    if (task && task->capability) {
        line_puts(line, " capability=");
        line_puts(line, task->capability);
    }
    line->bytes[line->length++] = '\n';
}

static void format_time(char out[32])
{
    int64_t now_ms = clock_unix_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + length, 32 - length, ".%03dZ", (int)(now_ms % 1000));
}

void log_write(enum log_level level, const struct log_task *task, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    int saved_errno = errno;
    char message[LIMIT_LOG_LINE_BYTES / 2];
    char time[32];
    struct line line = {.length = 0};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    format_time(time);
    if (configured.format == LOG_FORMAT_JSON)
        compose_json(&line, time, level, task, message);
    else
        compose_text(&line, time, level, task, message);
    /* A log that cannot be written must not stop the node. */
    ssize_t ignored = write(STDERR_FILENO, line.bytes, line.length);
    (void)ignored;
    errno = saved_errno;
}

const char *log_one_line(const char *text, size_t length, char *out, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 1 < capacity; i++) {
        unsigned char c = (unsigned char)text[i];
        out[used++] = (char)(c < 0x20 || c == 0x7f ? ' ' : c);
    }
    out[used] = '\0';
    return out;
}
