#include "services/runnerd/workspace/job_files.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/files/file.h"
#include "libcommon/files/folder.h"
#include "libcommon/files/tree_removal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_MODE = 0770, FILE_MODE = 0640, ENTRIES_EACH_STEP = 20 };

/* --- writing --- */

static bool make_folders(int folder_fd, const char *path, struct error *error)
{
    char *copy = memory_copy_text(path);
    bool ok = true;
    for (char *slash = strchr(copy, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = folder_make_at(folder_fd, copy, FOLDER_MODE, error);
        *slash = '/';
    }
    free(copy);
    return ok;
}

bool job_files_write(int folder_fd, const char *path, const char *text, size_t length, struct error *error)
{
    if (!make_folders(folder_fd, path, error))
        return false;
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    bool ok = fd >= 0 && file_write(fd, text, length);
    if (!ok)
        error_set_errno(error, errno, "cannot write %s in the workspace", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool job_files_make_temporary(int folder_fd, struct error *error)
{
    return make_folders(folder_fd, JOB_FILES_TEMPORARY "/", error);
}

int job_files_open_workspace(const char *path, struct error *error)
{
    if (path[0] != '/' || strstr(path, "/..")) {
        error_set(error, ERROR_INVALID, "workspace '%.*s' is no absolute path", TEXT_CUT(path, 200));
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open the workspace %.*s (of POSEMESH_WORK_DIR)",
                        TEXT_CUT(path, 200));
        return -1;
    }
    if (folder_make_at(fd, JOB_FILES_OUTPUTS, FOLDER_MODE, error))
        return fd;
    close(fd);
    return -1;
}

/* What does not fit is cut, unlike with file_read_text(): a long reason is better than none. */
char *job_files_fail_reason(int folder_fd)
{
    struct error error;
    char text[LIMIT_REASON_BYTES + 1];
    int fd = file_open(folder_fd, JOB_FILES_FAIL_REASON, false, &error);
    if (fd < 0)
        return NULL;
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    if (got <= 0)
        return NULL;
    size_t length = text_cut(text, strnlen(text, (size_t)got), LIMIT_REASON_BYTES);
    const char *start = text;
    text_trim(&start, &length);
    return length ? text_copy_one_line(start, length) : NULL;
}

/* --- removal --- */

/* What cannot be removed is stored's to report. */
static void empty_folder(int parent_fd, const char *name, const char *const *kept, const atomic_bool *stop)
{
    struct error error;
    struct tree_removal *removal = tree_removal_create(parent_fd, name, kept);
    while (!(stop && atomic_load(stop)) &&
           tree_removal_step(removal, ENTRIES_EACH_STEP, &error) == TREE_REMOVAL_MORE)
        continue;
    tree_removal_free(removal);
}

void job_files_remove(int folder_fd, const atomic_bool *stop)
{
    static const char *const made_by_stored[] = {"datasets", JOB_FILES_OUTPUTS, NULL};
    static const char *const none[] = {NULL};
    empty_folder(folder_fd, JOB_FILES_OUTPUTS, none, stop);
    empty_folder(folder_fd, ".", made_by_stored, stop);
}
