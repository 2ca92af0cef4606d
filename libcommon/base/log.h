/*
 * Structured logs on stderr: one JSON object a line, or text for people. Fields: ts, level, service, msg, and
 * task_id, job_id, capability, domain_id where there is a task. What a job has printed has "source": "job",
 * or as text "job | " before it. A line is at most LIMIT_LOG_LINE_BYTES long, and written by one write() with
 * others that are whole; whatever bytes a text has, the line is valid JSON, or one line, and either is
 * without control and format characters, in escapes too (text_one_line()). Thread-safe after log_configure();
 * errno survives a call. Secrets: `secret_log_form()`.
 *
 * Once log_start_writer() was called nobody waits for whoever reads the log: lines that it has no time for
 * are dropped, and a line of level warn tells how many (log_writer.h).
 */
#ifndef LIBCOMMON_BASE_LOG_H
#define LIBCOMMON_BASE_LOG_H

#include "libcommon/base/error.h"

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

/* Starts the one thread of the log: once, when nothing needs the process to have a single thread any more,
 * and after a sandbox, which holds for the threads that are started in it. */
bool log_start_writer(struct error *error);

/* Before the process ends: gives what is not written yet a moment. fatal_stop() does so, too. */
void log_finish(void);

/* `task` may be NULL. The formatted text is cut at LIMIT_LOG_MESSAGE_BYTES. */
void log_write(enum log_level level, const struct log_task *task, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Text that a job has printed, whole: what does not fit into one line goes on in the next, cut between
 * characters, and those lines are numbered ("part"). `parts` is 0, or for the next piece of the same text
 * what the call for the piece before has returned.
 */
size_t log_write_job(enum log_level level, const struct log_task *task, const char *text, size_t length,
                     size_t parts);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)

#endif
