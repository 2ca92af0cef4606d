/*
 * Folders are used by their descriptors once they are made: the workspace itself belongs to the group, so a
 * job may rename and replace what lies in it, but not what we hold open.
 */
#include "services/stored/workspace/workspace.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/uuid.h"
#include "libcommon/files/file.h"
#include "libcommon/files/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    TASK_ID_BYTES = 64,
    WORK_DIR_MODE = 02750, /* a job must not move other tasks' workspaces */
    SHARED_MODE = 02770,   /* the group's programs make files here */
    INPUTS_MODE = 02750,   /* the group reads */
    PRIVATE_MODE = 02700,  /* setgid all the same: what moves on into datasets must have the group */
    RETIRED_MODE = 02750,  /* a runner host removes there what only its uid can */
    INPUT_FILE_MODE = 0640
};

#define INCOMING_PREFIX ".incoming-"
#define RETIRED_PREFIX ".removed-"
#define DATASETS_PREFIX "datasets/"

/* --- the work dir --- */

bool work_dir_open(struct work_dir *work_dir, const char *path, struct error *error)
{
    struct stat status;
    *work_dir = (struct work_dir){.path = memory_copy_text(path), .fd = -1};
    if (!folder_make(path, WORK_DIR_MODE, error))
        return error_prefix(error, "POSEMESH_WORK_DIR");
    work_dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (work_dir->fd < 0 || fstat(work_dir->fd, &status) != 0)
        return error_set_errno(error, errno, "cannot open POSEMESH_WORK_DIR %.*s", TEXT_CUT(path, 200));
    work_dir->group = status.st_gid;
    return true;
}

void work_dir_close(struct work_dir *work_dir)
{
    if (work_dir->fd >= 0)
        close(work_dir->fd);
    free(work_dir->path);
    *work_dir = (struct work_dir){.fd = -1};
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Anything else there is not ours: a work dir that is a home folder by mistake must survive a start. */
static bool is_leftover(const char *name)
{
    return uuid_is_valid(name) || starts_with(name, INCOMING_PREFIX) || starts_with(name, RETIRED_PREFIX);
}

/* NULL and errno when that folder cannot be read. */
static DIR *read_folder(int folder_fd)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    int failure = errno;
    if (!stream && fd >= 0)
        close(fd);
    errno = failure;
    return stream;
}

bool work_dir_find_leftovers(const struct work_dir *work_dir, struct text_list *names, struct error *error)
{
    DIR *stream = read_folder(work_dir->fd);
    if (!stream)
        return error_set_errno(error, errno, "cannot read POSEMESH_WORK_DIR %.*s",
                               TEXT_CUT(work_dir->path, 200));
    for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        if (is_leftover(entry->d_name))
            text_list_add(names, entry->d_name);
    closedir(stream);
    return true;
}

bool workspace_name_is_safe(const char *task_id)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t length = strlen(task_id);
    return length > 0 && length <= TASK_ID_BYTES && task_id[0] != '.' && strspn(task_id, allowed) == length;
}

/* --- folders --- */

/* Unlike folder_make(): none may be there yet, and mode and group are what they should be. The group is the
 * work dir's also when that folder is not setgid; where we may not give it, the group stays ours. */
static int make_new_folder(const struct work_dir *work_dir, int parent_fd, const char *name, mode_t mode,
                           struct error *error)
{
    int fd = -1;
    if (mkdirat(parent_fd, name, mode) == 0)
        fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make the folder %.*s in POSEMESH_WORK_DIR %.*s",
                        TEXT_CUT(name, 128), TEXT_CUT(work_dir->path, 200));
        return -1;
    }
    (void)!fchown(fd, (uid_t)-1, work_dir->group);
    if (fchmod(fd, mode) != 0) {
        error_set_errno(error, errno, "cannot set the mode of %.*s in POSEMESH_WORK_DIR %.*s",
                        TEXT_CUT(name, 128), TEXT_CUT(work_dir->path, 200));
        close(fd);
        return -1;
    }
    return fd;
}

static bool move_into(const struct work_dir *work_dir, const char *name, int folder_fd, bool *moved,
                      struct error *error)
{
    if (renameat(work_dir->fd, name, folder_fd, name) == 0)
        *moved = true;
    else if (errno != ENOENT)
        return error_set_errno(error, errno, "cannot move %.*s in POSEMESH_WORK_DIR %.*s aside",
                               TEXT_CUT(name, 128), TEXT_CUT(work_dir->path, 200));
    return true;
}

/* Both folders go into one, so that one removal ends all of an attempt and its name is free at once. */
bool workspace_retire(struct work_dir *work_dir, const char *task_id, char **retired, struct error *error)
{
    bool moved = false;
    char *folder =
        memory_format(RETIRED_PREFIX "%d-%u-%s", (int)getpid(), ++work_dir->retired_count, task_id);
    char *incoming = memory_format(INCOMING_PREFIX "%s", task_id);
    *retired = NULL;
    int fd = make_new_folder(work_dir, work_dir->fd, folder, RETIRED_MODE, error);
    bool ok = fd >= 0 && move_into(work_dir, task_id, fd, &moved, error) &&
              move_into(work_dir, incoming, fd, &moved, error);
    if (fd >= 0)
        close(fd);
    if (ok && moved)
        *retired = memory_copy_text(folder);
    else
        unlinkat(work_dir->fd, folder, AT_REMOVEDIR);
    free(incoming);
    free(folder);
    return ok;
}

bool workspace_create(struct workspace *workspace, struct work_dir *work_dir, const char *task_id,
                      struct error *error)
{
    char *incoming = memory_format(INCOMING_PREFIX "%s", task_id);
    *workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
    workspace->path = memory_format("%s/%s", work_dir->path, task_id);
    workspace->fd = make_new_folder(work_dir, work_dir->fd, task_id, SHARED_MODE, error);
    if (workspace->fd >= 0)
        workspace->datasets_fd = make_new_folder(work_dir, workspace->fd, "datasets", INPUTS_MODE, error);
    int outputs_fd = -1;
    if (workspace->datasets_fd >= 0)
        outputs_fd = make_new_folder(work_dir, workspace->fd, "outputs", SHARED_MODE, error);
    if (outputs_fd >= 0) {
        close(outputs_fd);
        workspace->incoming_fd = make_new_folder(work_dir, work_dir->fd, incoming, PRIVATE_MODE, error);
    }
    free(incoming);
    if (workspace->incoming_fd >= 0)
        return true;
    workspace_close(workspace);
    return false;
}

/* What a job put in the place of a folder of ours belongs to somebody else. */
static int reopen_folder(int parent_fd, const char *name)
{
    struct stat status;
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || (fstat(fd, &status) == 0 && status.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* Halves of downloads; it is flat, and nobody else can enter it. */
static void empty_folder(int folder_fd)
{
    DIR *stream = read_folder(folder_fd);
    if (!stream)
        return;
    for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        if (entry->d_name[0] != '.')
            unlinkat(folder_fd, entry->d_name, 0);
    closedir(stream);
}

bool workspace_reopen(struct workspace *workspace, struct work_dir *work_dir, const char *task_id,
                      struct error *error)
{
    char *incoming = memory_format(INCOMING_PREFIX "%s", task_id);
    *workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
    workspace->path = memory_format("%s/%s", work_dir->path, task_id);
    workspace->fd = reopen_folder(work_dir->fd, task_id);
    if (workspace->fd >= 0)
        workspace->datasets_fd = reopen_folder(workspace->fd, "datasets");
    if (workspace->datasets_fd >= 0)
        workspace->incoming_fd = reopen_folder(work_dir->fd, incoming);
    free(incoming);
    if (workspace->incoming_fd < 0) {
        error_set_errno(error, errno, "the workspace of %.*s cannot be used again", TEXT_CUT(task_id, 64));
        error->code = ERROR_NOT_FOUND;
        workspace_close(workspace);
        return false;
    }
    empty_folder(workspace->incoming_fd);
    return true;
}

bool workspace_owns(const char *name, const char *task_id)
{
    return strcmp(name, task_id) == 0 ||
           (starts_with(name, INCOMING_PREFIX) && strcmp(name + strlen(INCOMING_PREFIX), task_id) == 0);
}

void workspace_close(struct workspace *workspace)
{
    const int fds[] = {workspace->fd, workspace->datasets_fd, workspace->incoming_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(workspace->path);
    *workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
}

/* --- files --- */

/* The kernel resolves the path: checks of our own would be true only until a job renames something. */
static int open_beneath(int folder_fd, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    /* EAGAIN: something was renamed meanwhile and the kernel could not tell where the path leads. */
    for (int i = 0; i < 8; i++) {
        fd = (int)syscall(SYS_openat2, folder_fd, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return fd;
}

/* A rule about the text alone: where ".." would lead within the workspace can be said without it. */
static bool leads_up(const char *path)
{
    while (path) {
        size_t length = strcspn(path, "/");
        if (length == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path = path[length] ? path + length + 1 : NULL;
    }
    return false;
}

static void set_open_error(struct error *error, int errno_value, const char *path)
{
    error_set_errno(error, errno_value, "cannot open %.*s in the workspace", TEXT_CUT(path, 200));
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
        error->code = ERROR_NOT_FOUND;
        break;
    case EXDEV: /* out of the workspace */
    case ELOOP: /* by a link */
    case ENXIO: /* a socket, or a device without a driver */
        error->code = ERROR_INVALID;
        break;
    case EAGAIN: /* somebody holds a lease on it, or keeps moving it */
        error->code = ERROR_UNAVAILABLE;
        break;
    default:
        break;
    }
}

int workspace_open_file(const struct workspace *workspace, const char *path, struct error *error)
{
    struct stat status;
    if (leads_up(path)) {
        error_set(error, ERROR_INVALID, "the path %.*s has \"..\"", TEXT_CUT(path, 200));
        return -1;
    }
    /* Without O_NONBLOCK a named pipe, or a lease on a file, would stop the whole service. */
    int fd = open_beneath(workspace->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        set_open_error(error, errno, path);
        return -1;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    error_set(error, ERROR_INVALID, "%.*s in the workspace is not a regular file", TEXT_CUT(path, 200));
    close(fd);
    return -1;
}

/* O_TMPFILE would need no name at all, but not every file system has it. A crash before unlinkat() leaves a
 * file that the next one truncates. */
int workspace_spool_bytes(const struct workspace *workspace, const void *bytes, size_t length,
                          struct error *error)
{
    static const char name[] = "bytes";
    int fd = openat(workspace->incoming_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    S_IRUSR | S_IWUSR);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot create a file for bytes to store");
        return -1;
    }
    unlinkat(workspace->incoming_fd, name, 0);
    if (file_write(fd, bytes, length))
        return fd;
    error_set_errno(error, errno, "cannot write bytes to store");
    close(fd);
    return -1;
}

int workspace_create_incoming(const struct workspace *workspace, const char *name, struct error *error)
{
    int fd = openat(workspace->incoming_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    INPUT_FILE_MODE);
    if (fd < 0)
        error_set_errno(error, errno, "cannot create a file for an input");
    return fd;
}

void workspace_remove_incoming(const struct workspace *workspace, const char *name)
{
    unlinkat(workspace->incoming_fd, name, 0);
}

/* RENAME_NOREPLACE: paths are unique by their set; if they were not, an input must not lose its contents. */
bool workspace_place_incoming(const struct workspace *workspace, const char *name, const char *path,
                              struct error *error)
{
    const char *below = path + strlen(DATASETS_PREFIX);
    const char *slash = strchr(below, '/');
    if (!starts_with(path, DATASETS_PREFIX) || !slash || strchr(slash + 1, '/'))
        return error_set(error, ERROR_INVALID, "%.*s is no path of an input", TEXT_CUT(path, 200));
    char *scan = memory_copy_bytes(below, (size_t)(slash - below));
    bool ok = mkdirat(workspace->datasets_fd, scan, INPUTS_MODE) == 0 || errno == EEXIST;
    ok = ok && renameat2(workspace->incoming_fd, name, workspace->datasets_fd, below, RENAME_NOREPLACE) == 0;
    if (!ok) {
        int errno_value = errno;
        error_set_errno(error, errno_value, "cannot put an input at %.*s", TEXT_CUT(path, 200));
        if (errno_value == ENAMETOOLONG)
            error->code = ERROR_TOO_LARGE;
        else if (errno_value == EEXIST)
            error->code = ERROR_CONFLICT;
    }
    free(scan);
    return ok;
}

void workspace_remove_placed(const struct workspace *workspace, const char *path)
{
    if (starts_with(path, DATASETS_PREFIX))
        unlinkat(workspace->datasets_fd, path + strlen(DATASETS_PREFIX), 0);
}
