/* Reading files that others write, jobs among them; and writing all of something. */
#ifndef LIBCOMMON_FILES_FILE_H
#define LIBCOMMON_FILES_FILE_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Opens a regular file for reading and waits for nothing, whatever lies in its place. `folder_fd` as of
 * openat(). Without `follow_links` the last component is no link. -1 and ERROR_NOT_FOUND, ERROR_INVALID, ...
 */
int file_open(int folder_fd, const char *path, bool follow_links, struct error *error);

/* All of such a file, NUL-terminated; ERROR_TOO_LARGE when there is more. free() it. */
char *file_read_text(int folder_fd, const char *path, size_t max_bytes, bool follow_links, size_t *length,
                     struct error *error);

/* All of it, whatever a single write() takes. False with errno. */
bool file_write(int fd, const void *bytes, size_t length);

#endif
