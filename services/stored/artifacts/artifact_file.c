/* Positioned reads: parts of one file go up side by side, and a request that is tried again starts over. */
#include "services/stored/artifacts/artifact_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool look(int fd, struct file_fingerprint *fingerprint, struct error *error)
{
    return file_fingerprint_take(fd, fingerprint, error) &&
           (fingerprint->bytes <= ARTIFACT_FILE_BYTES_MAX ||
            error_set(error, ERROR_TOO_LARGE, "the file has %lld bytes, the limit is %lld",
                      (long long)fingerprint->bytes, (long long)ARTIFACT_FILE_BYTES_MAX));
}

bool artifact_file_take(struct artifact_file *file, int fd, struct error *error)
{
    *file = (struct artifact_file){.fd = fd};
    if (!look(fd, &file->fingerprint, error)) {
        artifact_file_close(file);
        return false;
    }
    file->bytes = file->fingerprint.bytes;
    return true;
}

void artifact_file_close(struct artifact_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct artifact_file){.fd = -1};
}

ssize_t artifact_file_read(const struct artifact_file *file, int64_t offset, void *out, size_t capacity)
{
    ssize_t got = -1;
    do
        got = pread(file->fd, out, capacity, offset);
    while (got < 0 && errno == EINTR);
    return got;
}

bool artifact_file_has_same_bytes(const struct artifact_file *left, const struct artifact_file *right)
{
    enum { PIECE_BYTES = 4096 };
    char pieces[2][PIECE_BYTES];
    bool same = left->bytes == right->bytes;
    for (int64_t offset = 0; same && offset < left->bytes; offset += PIECE_BYTES) {
        ssize_t got = artifact_file_read(left, offset, pieces[0], PIECE_BYTES);
        same = got > 0 && artifact_file_read(right, offset, pieces[1], PIECE_BYTES) == got &&
               memcmp(pieces[0], pieces[1], (size_t)got) == 0;
    }
    return same;
}

bool artifact_file_is_unchanged(const struct artifact_file *file, struct error *error)
{
    struct file_fingerprint now = {0};
    if (!look(file->fd, &now, error))
        return false;
    if (file_fingerprint_equals(&now, &file->fingerprint))
        return true;
    return error_set(error, ERROR_CONFLICT,
                     "the file changed while it was uploaded (%lld bytes before, %lld bytes now)",
                     (long long)file->fingerprint.bytes, (long long)now.bytes);
}

/* --- a file that is still being written --- */

bool artifact_file_grow(struct artifact_file *file, int64_t bytes, struct error *error)
{
    struct file_fingerprint now = {0};
    if (!look(file->fd, &now, error))
        return false;
    if (bytes > now.bytes)
        return error_set(error, ERROR_INVALID, "the file is said to have %lld bytes, but has %lld",
                         (long long)bytes, (long long)now.bytes);
    if (bytes > file->bytes)
        file->bytes = bytes;
    return true;
}

bool artifact_file_finish(struct artifact_file *file, int64_t bytes, struct error *error)
{
    struct file_fingerprint now = {0};
    if (!look(file->fd, &now, error))
        return false;
    if (bytes == ARTIFACT_FILE_ALL)
        bytes = now.bytes;
    if (bytes != now.bytes || bytes < file->bytes)
        return error_set(
            error, ERROR_INVALID,
            "the finished file is said to have %lld bytes, but has %lld (%lld were there before)",
            (long long)bytes, (long long)now.bytes, (long long)file->bytes);
    file->bytes = bytes;
    file->fingerprint = now;
    return true;
}
