/* The file behind an upload: opened once, so that all of it comes from one file whatever its name becomes. */
#ifndef STORED_ARTIFACTS_ARTIFACT_FILE_H
#define STORED_ARTIFACTS_ARTIFACT_FILE_H

#include "libcommon/base/error.h"
#include "services/stored/workspace/file_fingerprint.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct artifact_file {
    int fd;        /* -1: none */
    int64_t bytes; /* that belong to the artifact; of a stream: so far */
    struct file_fingerprint fingerprint;
};

/* More is a hole: sums with it must not overflow. */
#define ARTIFACT_FILE_BYTES_MAX ((int64_t)1 << 50)

/* Takes `fd`. False when it cannot be read or is larger than that; the file is then closed. */
bool artifact_file_take(struct artifact_file *file, int fd, struct error *error);
void artifact_file_close(struct artifact_file *file);

/* As http_source_function, of the file alone. */
ssize_t artifact_file_read(const struct artifact_file *file, int64_t offset, void *out, size_t capacity);

/* False when the file has another size or was written to since its fingerprint was taken: what went up may be
 * a mixture. */
bool artifact_file_is_unchanged(const struct artifact_file *file, struct error *error);

/* Reads both. */
bool artifact_file_has_same_bytes(const struct artifact_file *left, const struct artifact_file *right);

/* --- a file that is still being written --- */

/* It has `bytes` by now; a smaller number than before changes nothing. False when it has fewer. */
bool artifact_file_grow(struct artifact_file *file, int64_t bytes, struct error *error);

enum { ARTIFACT_FILE_ALL = -1 }; /* whatever it has */

/* It is whole: `bytes` is all of it, or ARTIFACT_FILE_ALL. Takes its fingerprint anew. */
bool artifact_file_finish(struct artifact_file *file, int64_t bytes, struct error *error);

#endif
