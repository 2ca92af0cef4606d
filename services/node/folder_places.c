#include "services/node/folder_places.h"

#include "libcommon/base/text.h"
#include "libcommon/files/folder_lock.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* By what is open, so that no link and no other way to write a path leads astray. Closes `fd`; -1: it was
 * the root, or cannot be left. */
static int step_up(int fd)
{
    struct stat status;
    struct stat above_status;
    int above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    bool is_top = above < 0 || fstat(fd, &status) != 0 || fstat(above, &above_status) != 0 ||
                  is_same(&status, &above_status);
    close(fd);
    if (is_top && above >= 0)
        close(above);
    return is_top ? -1 : above;
}

/* Whether `folder` is the open folder or above it. */
static bool lies_in(int folder_fd, const struct stat *folder)
{
    struct stat status;
    bool found = false;
    for (int fd = openat(folder_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC); fd >= 0; fd = step_up(fd))
        found = found || (fstat(fd, &status) == 0 && is_same(&status, folder));
    return found;
}

static bool is_kept_by_service(const char *path, int folder_fd, struct error *error)
{
    char kept[PATH_MAX];
    struct stat status;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        snprintf(kept, sizeof kept, "%s/%s", path, service_name(id));
        if (stat(kept, &status) == 0 && lies_in(folder_fd, &status))
            return !error_set(error, ERROR_INVALID, "lies in %.*s, which is %s's alone: choose another place",
                              TEXT_CUT(kept, 200), service_name(id));
    }
    return false;
}

/* What is in the work folder is removed with the workspaces. */
static bool check_apart(const struct settings *settings, const int *folder_fds, enum folder_id id,
                        enum folder_id earlier, struct error *error)
{
    const struct folder_use use = folder_use_of(settings, earlier);
    struct stat own;
    struct stat other;
    if (fstat(folder_fds[id], &own) != 0 || fstat(folder_fds[earlier], &other) != 0)
        return true;
    if (is_same(&own, &other))
        return error_set(error, ERROR_INVALID, "is the folder of %s, too: give each its own", use.variable);
    if (id == FOLDER_WORK && lies_in(folder_fds[earlier], &own))
        return error_set(error, ERROR_INVALID, "has the folder of %s in it: choose another place",
                         use.variable);
    return !is_kept_by_service(use.path, folder_fds[id], error);
}

static bool is_ours(int fd, const int *folder_fds, enum folder_id count)
{
    struct stat status;
    struct stat own;
    for (enum folder_id id = 0; id < count; id++)
        if (fstat(fd, &status) == 0 && fstat(folder_fds[id], &own) == 0 && is_same(&status, &own))
            return true;
    return false;
}

static bool check_above(const int *folder_fds, enum folder_id id, struct error *error)
{
    bool ok = true;
    int fd = openat(folder_fds[id], "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    for (; fd >= 0; fd = step_up(fd)) {
        char holder_text[FOLDER_USE_HOLDER_BYTES];
        struct stat status;
        pid_t holder;
        if (!ok || fstat(fd, &status) != 0 || status.st_mode & S_IROTH || is_ours(fd, folder_fds, id) ||
            !folder_lock_is_taken_at(fd, ".", &holder))
            continue;
        folder_use_format_holder(holder, holder_text);
        ok = error_set(error, ERROR_CONFLICT,
                       "lies in a folder that another posemesh-node uses%s: choose another place",
                       holder_text);
    }
    return ok;
}

bool folder_places_check(const struct settings *settings, const int *folder_fds, enum folder_id id,
                         struct error *error)
{
    for (enum folder_id earlier = 0; earlier < id; earlier++)
        if (!check_apart(settings, folder_fds, id, earlier, error))
            return false;
    return check_above(folder_fds, id, error);
}
