/* The file behind an upload: opened once, so that all of it comes from one file whatever its name becomes. */
#ifndef STORED_ARTIFACTS_ARTIFACT_FILE_H
#define STORED_ARTIFACTS_ARTIFACT_FILE_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Tells one file, and one state of it, from another. */
struct artifact_file_mark {
    uint64_t device;
    uint64_t inode;
    int64_t bytes;
    int64_t modified_ns;
    int64_t changed_ns; /* of the inode: nobody can set it back, but renaming changes it, too */
};

struct artifact_file {
    int fd;        /* -1: none */
    int64_t bytes; /* that belong to the artifact; of a stream: so far */
    struct artifact_file_mark mark;
};

/* More is a hole: sums with it must not overflow. */
#define ARTIFACT_FILE_BYTES_MAX ((int64_t)1 << 50)

/* Takes `fd`. False when it cannot be read or is larger than that; the file is then closed. */
bool artifact_file_take(struct artifact_file *file, int fd, struct error *error);
void artifact_file_close(struct artifact_file *file);

/* As http_source_function, of the file alone. */
ssize_t artifact_file_read(const struct artifact_file *file, int64_t offset, void *out, size_t capacity);

/* False when the file has another size or was written to since its mark was taken: what went up may be a
 * mixture. */
bool artifact_file_is_unchanged(const struct artifact_file *file, struct error *error);

/* The same file with the same contents, unless somebody set its time back. */
bool artifact_file_mark_equals(const struct artifact_file_mark *left, const struct artifact_file_mark *right);

/* The same file, and nothing at all was done to it. */
bool artifact_file_mark_is_identical(const struct artifact_file_mark *left,
                                     const struct artifact_file_mark *right);
bool artifact_file_mark_is_same_file(const struct artifact_file_mark *left,
                                     const struct artifact_file_mark *right);

/* Reads both. */
bool artifact_file_has_same_bytes(const struct artifact_file *left, const struct artifact_file *right);

/*
 * Whether any later write will show in the mark: time stamps of files are coarse, and a file that was written
 * just now may be written again within the same tick.
 */
bool artifact_file_is_settled(const struct artifact_file *file);

/* --- a file that is still being written --- */

/* It has `bytes` by now; a smaller number than before changes nothing. False when it has fewer. */
bool artifact_file_grow(struct artifact_file *file, int64_t bytes, struct error *error);

enum { ARTIFACT_FILE_ALL = -1 }; /* whatever it has */

/* It is whole: `bytes` is all of it, or ARTIFACT_FILE_ALL. Takes its mark anew. */
bool artifact_file_finish(struct artifact_file *file, int64_t bytes, struct error *error);

#endif
