/* Writing to stderr for those who must not wait for whoever reads it. */
#ifndef LIBCOMMON_BASE_STANDARD_ERROR_H
#define LIBCOMMON_BASE_STANDARD_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes as soon as there is room, unless there is none for STANDARD_ERROR_PATIENCE_MS: then nothing is
 * written. Whether all was. It never makes the descriptor non-blocking: other programs have it, too.
 */
enum { STANDARD_ERROR_PATIENCE_MS = 200 };
bool standard_error_write_soon(const char *bytes, size_t length);

/* Writes, and waits as long as that takes. False when it cannot be written: a full disk, nobody to read. */
bool standard_error_write(const char *bytes, size_t length);

#endif
