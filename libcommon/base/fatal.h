/* The end of a process that cannot go on: what failed leaves no way to serve. A supervisor restarts it. */
#ifndef LIBCOMMON_BASE_FATAL_H
#define LIBCOMMON_BASE_FATAL_H

/* Prints one line to stderr and aborts. Allocates nothing of its own. */
void fatal_stop(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
