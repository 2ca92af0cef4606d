#include "libcommon/files/folder_lock.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PID_TEXT_BYTES = 16, LOCK_FILE_FLAGS = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

/* Whoever may write to the folder can put another file there: of a link to somebody's file, or of what is no
 * file, nothing is wanted. Read-only, as it is handed to services. */
static int open_file(int folder_fd, int more_flags)
{
    struct stat status;
    int fd = openat(folder_fd, FOLDER_LOCK_FILE, O_RDONLY | LOCK_FILE_FLAGS | more_flags, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1)
        return fd;
    close(fd);
    errno = EEXIST;
    return -1;
}

static pid_t read_holder(int fd)
{
    char text[PID_TEXT_BYTES];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

/* For people, so that it may fail: where the disk is full the lock is one all the same. */
static void write_holder(int folder_fd)
{
    char text[PID_TEXT_BYTES];
    int fd = openat(folder_fd, FOLDER_LOCK_FILE, O_WRONLY | O_TRUNC | LOCK_FILE_FLAGS);
    if (fd < 0)
        return;
    (void)!file_write(fd, text, (size_t)snprintf(text, sizeof text, "%d\n", (int)getpid()));
    close(fd);
}

int folder_lock_take(int folder_fd, const char *path, pid_t *holder, struct error *error)
{
    *holder = 0;
    int fd = open_file(folder_fd, O_CREAT);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make the file " FOLDER_LOCK_FILE " in %.*s",
                        TEXT_CUT(path, 200));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        write_holder(folder_fd);
        return fd;
    }
    if (errno != EWOULDBLOCK) {
        log_warn("%.*s has no locks (%s): nothing keeps two nodes from using it at once", TEXT_CUT(path, 200),
                 strerror(errno));
        return fd;
    }
    *holder = read_holder(fd);
    close(fd);
    error_set(error, ERROR_CONFLICT, "%.*s is used by another process, pid %d", TEXT_CUT(path, 200),
              (int)*holder);
    return -1;
}

bool folder_lock_is_taken(const char *path, pid_t *holder)
{
    int folder_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = folder_fd < 0 ? -1 : open_file(folder_fd, 0);
    bool taken = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    *holder = taken ? read_holder(fd) : 0;
    if (fd >= 0)
        close(fd);
    if (folder_fd >= 0)
        close(folder_fd);
    return taken;
}
