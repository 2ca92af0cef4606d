/* Positioned reads: parts of one file go up side by side, and a request that is tried again starts over. */
#include "services/stored/artifact_file.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool artifact_file_take(struct artifact_file *file, int fd, struct error *error)
{
    struct stat status;
    *file = (struct artifact_file){.fd = fd};
    if (fstat(fd, &status) != 0) {
        error_set_errno(error, errno, "cannot look at the file");
        artifact_file_close(file);
        return false;
    }
    file->bytes = status.st_size;
    file->modified = status.st_mtim;
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

bool artifact_file_is_unchanged(const struct artifact_file *file, struct error *error)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the file");
    if (status.st_size == file->bytes && status.st_mtim.tv_sec == file->modified.tv_sec &&
        status.st_mtim.tv_nsec == file->modified.tv_nsec)
        return true;
    return error_set(error, ERROR_CONFLICT,
                     "the file changed while it was uploaded (%lld bytes before, %lld bytes now)",
                     (long long)file->bytes, (long long)status.st_size);
}
