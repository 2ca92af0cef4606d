#include "libcommon/files/file_mode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A descriptor that needs no permission of the file itself cannot be given to fchmod(); its name in /proc
 * can, and leads to what was looked at, even if something else has its place by now. */
static bool add(int path_fd, mode_t folder_bits, mode_t file_bits)
{
    struct stat status;
    char path[sizeof "/proc/self/fd/" + 3 * sizeof(int)];
    if (fstat(path_fd, &status) != 0)
        return false;
    mode_t bits = S_ISDIR(status.st_mode) ? folder_bits : S_ISREG(status.st_mode) ? file_bits : 0;
    if ((status.st_mode & bits) == bits)
        return true;
    if (status.st_uid != geteuid()) {
        errno = EPERM;
        return false;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
    return chmod(path, (status.st_mode & ALLPERMS) | bits) == 0;
}

bool file_mode_add_at(int folder_fd, const char *name, mode_t folder_bits, mode_t file_bits)
{
    int fd = openat(folder_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = add(fd, folder_bits, file_bits);
    int failure = errno;
    close(fd);
    errno = failure;
    return ok;
}
