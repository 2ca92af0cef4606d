#include "libcommon/files/file.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(int folder_fd, const char *path, bool follow_links, struct error *error)
{
    /* Without O_NONBLOCK a named pipe in place of the file would stop the whole service. */
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW);
    struct stat status;
    int fd = openat(folder_fd, path, flags);
    if (fd < 0) {
        int errno_value = errno;
        error_set_errno(error, errno_value, "cannot open it");
        if (errno_value == ENOENT)
            error->code = ERROR_NOT_FOUND;
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    close(fd);
    error_set(error, ERROR_INVALID, "it is not a regular file");
    return -1;
}

static char *read_open(int fd, size_t max_bytes, size_t *length, struct error *error)
{
    char *text = memory_allocate(max_bytes + 2);
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used <= max_bytes) {
        got = read(fd, text + used, max_bytes + 1 - used);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            used += (size_t)got;
    }
    if (got < 0)
        error_set_errno(error, errno, "cannot read it");
    else if (used > max_bytes)
        error_set(error, ERROR_TOO_LARGE, "it has more than %zu bytes", max_bytes);
    else {
        text[used] = '\0';
        *length = used;
        return text;
    }
    secret_free_bytes(text, used); /* a secret's file may be too long */
    return NULL;
}

char *file_read_text(int folder_fd, const char *path, size_t max_bytes, bool follow_links, size_t *length,
                     struct error *error)
{
    int fd = file_open(folder_fd, path, follow_links, error);
    if (fd < 0)
        return NULL;
    char *text = read_open(fd, max_bytes, length, error);
    close(fd);
    return text;
}

bool file_write(int fd, const void *bytes, size_t length)
{
    for (const char *at = bytes; length > 0;) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        }
    }
    return true;
}
