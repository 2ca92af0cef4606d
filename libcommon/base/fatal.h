/* The end of a process that cannot go on: what failed leaves no way to serve. A supervisor restarts it. */
#ifndef LIBCOMMON_BASE_FATAL_H
#define LIBCOMMON_BASE_FATAL_H

/* Calls the last act, prints one line to stderr and aborts. Allocates nothing of its own. */
void fatal_stop(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* What has to be done before; it takes a bounded time and calls nothing that stops so. Before there are
 * threads that may stop. The log's: lines that still wait tell why the process dies. */
typedef void fatal_last_act(void);
void fatal_set_last_act(fatal_last_act *act);

#endif
