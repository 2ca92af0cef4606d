#include "libcommon/files/folder_lock.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* "4: FLOCK  ADVISORY  WRITE 1235 fe:00:9979212 0 EOF"; who waits for one has "->" before the kind. */
static pid_t holder_in(const char *line, const struct stat *folder)
{
    unsigned major_number;
    unsigned minor_number;
    unsigned long inode;
    int pid;
    static const char format[] = "%*d: FLOCK %*s %*s %d %x:%x:%lu";
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
    bool is_lock = sscanf(line, format, &pid, &major_number, &minor_number, &inode) == 4;
    bool is_it = is_lock && major_number == major(folder->st_dev) && minor_number == minor(folder->st_dev) &&
                 inode == folder->st_ino;
    return is_it && pid > 0 ? pid : 0;
}

/* The kernel is asked: what a file said would be whatever its writer likes, in numbers of another namespace
 * of processes. */
static pid_t find_holder(int folder_fd)
{
    char *line = NULL;
    size_t size = 0;
    pid_t holder = 0;
    struct stat status;
    FILE *locks = fopen("/proc/locks", "re");
    if (locks && fstat(folder_fd, &status) == 0)
        while (!holder && getline(&line, &size, locks) > 0)
            holder = holder_in(line, &status);
    free(line);
    if (locks)
        fclose(locks);
    return holder;
}

bool folder_lock_take(int folder_fd, const char *path, pid_t *holder, struct error *error)
{
    *holder = 0;
    if (flock(folder_fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno != EWOULDBLOCK) {
        log_warn("%.*s has no locks (%s): nothing keeps two nodes from using it at once", TEXT_CUT(path, 200),
                 strerror(errno));
        return true;
    }
    *holder = find_holder(folder_fd);
    return error_set(error, ERROR_CONFLICT, "%.*s is used by another process, pid %d", TEXT_CUT(path, 200),
                     (int)*holder);
}

bool folder_lock_is_taken_at(int parent_fd, const char *path, pid_t *holder)
{
    int fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool taken = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    *holder = taken ? find_holder(fd) : 0;
    if (fd >= 0)
        close(fd);
    return taken;
}

bool folder_lock_is_taken(const char *path, pid_t *holder)
{
    return folder_lock_is_taken_at(AT_FDCWD, path, holder);
}
