/* What a write that cannot be done is to a process: an error of write(), never a signal that ends it. */
#ifndef LIBCOMMON_BASE_WRITE_SIGNALS_H
#define LIBCOMMON_BASE_WRITE_SIGNALS_H

/*
 * Ignores SIGPIPE (a peer is gone: EPIPE) and SIGXFSZ (a file at its limit: EFBIG), for the whole process and
 * before its first thread. Programs that it starts get both back: libcommon/loop/spawn.h.
 */
void write_signals_ignore(void);

#endif
