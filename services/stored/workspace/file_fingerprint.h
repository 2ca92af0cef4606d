/* Tells one file, and one state of it, from another. */
#ifndef STORED_WORKSPACE_FILE_FINGERPRINT_H
#define STORED_WORKSPACE_FILE_FINGERPRINT_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct file_fingerprint {
    uint64_t device;
    uint64_t inode; /* 0: of no file */
    int64_t bytes;
    int64_t modified_ns;
    int64_t changed_ns; /* of the inode: nobody can set it back, but renaming changes it, too */
};

bool file_fingerprint_take(int fd, struct file_fingerprint *fingerprint, struct error *error);

bool file_fingerprint_is_same_file(const struct file_fingerprint *left, const struct file_fingerprint *right);

/* The same file with the same contents, unless somebody set its time back. */
bool file_fingerprint_equals(const struct file_fingerprint *left, const struct file_fingerprint *right);

/* The same file, and nothing at all was done to it. */
bool file_fingerprint_is_identical(const struct file_fingerprint *left, const struct file_fingerprint *right);

/*
 * Whether any later write will show in a fingerprint: time stamps of files are coarse, and a file that was
 * written just now may be written again within the same tick.
 */
bool file_fingerprint_is_settled(const struct file_fingerprint *fingerprint);

#endif
