/*
 * Writing lines to stderr for those who must not wait for whoever reads it.
 *
 * A full disk, a file at its limit and a connection that breaks end a line anywhere. So after a write that
 * failed the next one begins with a line feed: what comes then is glued to no fragment, ours or that of
 * another process that has met the same.
 */
#ifndef LIBCOMMON_BASE_STANDARD_ERROR_H
#define LIBCOMMON_BASE_STANDARD_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* All of these take whole lines, and return how many bytes are those of lines that were written whole: less
 * than `length` when the rest cannot be written (a full disk, nobody to read). */

/*
 * Writes as soon as there is room, unless there is none for STANDARD_ERROR_PATIENCE_MS: then nothing is
 * written. It never makes the descriptor non-blocking: other programs have it, too.
 */
enum { STANDARD_ERROR_PATIENCE_MS = 200 };
size_t standard_error_write_soon(const char *lines, size_t length);

/* Writes, and waits as long as that takes. */
size_t standard_error_write(const char *lines, size_t length);

/* Whether somebody makes room there, or a write would fail at once: what waits is not waited for in vain. */
bool standard_error_has_room(void);

#endif
