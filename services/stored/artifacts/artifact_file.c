/* Positioned reads: parts of one file go up side by side, and a request that is tried again starts over. */
#include "services/stored/artifacts/artifact_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t to_ns(struct timespec moment)
{
    return (int64_t)moment.tv_sec * 1000000000 + moment.tv_nsec;
}

static bool take_mark(int fd, struct artifact_file_mark *mark, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the file");
    *mark = (struct artifact_file_mark){.device = status.st_dev,
                                        .inode = status.st_ino,
                                        .bytes = status.st_size,
                                        .modified_ns = to_ns(status.st_mtim),
                                        .changed_ns = to_ns(status.st_ctim)};
    return mark->bytes <= ARTIFACT_FILE_BYTES_MAX ||
           error_set(error, ERROR_TOO_LARGE, "the file has %lld bytes, the limit is %lld",
                     (long long)mark->bytes, (long long)ARTIFACT_FILE_BYTES_MAX);
}

bool artifact_file_take(struct artifact_file *file, int fd, struct error *error)
{
    *file = (struct artifact_file){.fd = fd};
    if (!take_mark(fd, &file->mark, error)) {
        artifact_file_close(file);
        return false;
    }
    file->bytes = file->mark.bytes;
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

bool artifact_file_mark_equals(const struct artifact_file_mark *left, const struct artifact_file_mark *right)
{
    return artifact_file_mark_is_same_file(left, right) && left->bytes == right->bytes &&
           left->modified_ns == right->modified_ns;
}

bool artifact_file_mark_is_identical(const struct artifact_file_mark *left,
                                     const struct artifact_file_mark *right)
{
    return artifact_file_mark_equals(left, right) && left->changed_ns == right->changed_ns;
}

bool artifact_file_mark_is_same_file(const struct artifact_file_mark *left,
                                     const struct artifact_file_mark *right)
{
    return left->device == right->device && left->inode == right->inode;
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
    struct artifact_file_mark now = {0};
    if (!take_mark(file->fd, &now, error))
        return false;
    if (artifact_file_mark_equals(&now, &file->mark))
        return true;
    return error_set(error, ERROR_CONFLICT,
                     "the file changed while it was uploaded (%lld bytes before, %lld bytes now)",
                     (long long)file->mark.bytes, (long long)now.bytes);
}

bool artifact_file_is_settled(const struct artifact_file *file)
{
    enum { TICKS = 3 };
    struct timespec now;
    struct timespec tick;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    clock_getres(CLOCK_REALTIME_COARSE, &tick);
    return to_ns(now) - file->mark.modified_ns >= TICKS * to_ns(tick);
}

/* --- a file that is still being written --- */

bool artifact_file_grow(struct artifact_file *file, int64_t bytes, struct error *error)
{
    struct artifact_file_mark now = {0};
    if (!take_mark(file->fd, &now, error))
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
    struct artifact_file_mark now = {0};
    if (!take_mark(file->fd, &now, error))
        return false;
    if (bytes == ARTIFACT_FILE_ALL)
        bytes = now.bytes;
    if (bytes != now.bytes || bytes < file->bytes)
        return error_set(
            error, ERROR_INVALID,
            "the finished file is said to have %lld bytes, but has %lld (%lld were there before)",
            (long long)bytes, (long long)now.bytes, (long long)file->bytes);
    file->bytes = bytes;
    file->mark = now;
    return true;
}
