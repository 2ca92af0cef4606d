/*
 * Structured logs on stderr: one JSON object a line, or text for people. Fields: ts, level, service, msg, and
 * task_id, job_id, capability, domain_id where there is a task. A line is one write() and at most
 * LIMIT_LOG_LINE_BYTES long; whatever bytes a text has, the line is valid JSON, or one line, and either is
 * without control and format characters, in escapes too (text_one_line()). Thread-safe after log_configure();
 * errno survives a call. Secrets: `secret_log_form()`.
 */
#ifndef LIBCOMMON_BASE_LOG_H
#define LIBCOMMON_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
    LOG_LEVEL_DEBUG, /* for whoever looks for a fault: each message and request */
    LOG_LEVEL_INFO,  /* what an operator wants to see: started, leased, completed */
    LOG_LEVEL_WARN,  /* something to know that heals by itself or costs little */
    LOG_LEVEL_ERROR  /* work failed, or the operator has to act */
};

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_TEXT };

/* The task that a line is about; members may be NULL. */
struct log_task {
    const char *task_id;
    const char *job_id;
    const char *capability;
    const char *domain_id;
};

/* Before the first thread starts. `service` is borrowed; lines below `least` are dropped. */
void log_configure(const char *service, enum log_format format, enum log_level least);
bool log_enabled(enum log_level level);

/* `task` may be NULL. The formatted text is cut at half of LIMIT_LOG_LINE_BYTES. */
void log_write(enum log_level level, const struct log_task *task, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)

#endif
