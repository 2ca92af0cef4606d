/*
 * Takes lines to stderr without waiting for whoever reads it: a queue (log_queue.h) and one thread, which
 * alone waits. Used by log.h only. Thread-safe.
 *
 * Until the thread is started a line is written at once, or dropped and counted when there is no room for it
 * (standard_error.h).
 *
 * Nor are lines written at once when the queue is empty and poll() says that the pipe has room: that room may
 * be taken by another process, which has the same pipe, between poll() and write(), and then the loop would
 * wait. A write that does not (pwritev2() with RWF_NOWAIT) would be safe; older kernels do not have it for
 * pipes, and the sandbox has no such call.
 */
#ifndef LIBCOMMON_BASE_LOG_WRITER_H
#define LIBCOMMON_BASE_LOG_WRITER_H

#include "libcommon/base/error.h"
#include "libcommon/base/log_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the line that tells of `dropped` lines; returns its length. Called by the writer's thread. */
typedef size_t log_notice_function(uint64_t dropped, char line[LIMIT_LOG_LINE_BYTES]);

/* Once. The thread takes no signals. */
bool log_writer_start(log_notice_function *make_notice, struct error *error);

void log_writer_put(enum log_origin origin, const char *line, size_t length);

/*
 * Before the process ends, whoever calls it: waits for all to be written, as long as lines get through and
 * for half a second at most, or a tenth of one when nothing moves, and drops and counts the rest.
 */
void log_writer_finish(void);

#endif
