/* The file behind an upload: opened once, so that all of it comes from one file whatever its name becomes. */
#ifndef STORED_ARTIFACT_FILE_H
#define STORED_ARTIFACT_FILE_H

#include "libcommon/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct artifact_file {
    int fd; /* -1: none */
    int64_t bytes;
    struct timespec modified;
};

/* Takes `fd`. False when it cannot be read; the file is then closed. */
bool artifact_file_take(struct artifact_file *file, int fd, struct error *error);
void artifact_file_close(struct artifact_file *file);

/* As http_source_function, of the file alone. */
ssize_t artifact_file_read(const struct artifact_file *file, int64_t offset, void *out, size_t capacity);

/* False when the file has another size or was written to since it was opened: what went up may be a mixture.
 */
bool artifact_file_is_unchanged(const struct artifact_file *file, struct error *error);

#endif
