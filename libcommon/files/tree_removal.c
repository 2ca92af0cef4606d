/*
 * A walk without recursion: `levels` is the way from the root to the folder that is being emptied. Only
 * descriptors and single names are used, never paths, so nothing that a job renames meanwhile can lead the
 * walk elsewhere.
 */
#include "libcommon/files/tree_removal.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/files/file_mode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is being emptied. */
struct level {
    DIR *stream;
    char *name;
};

struct tree_removal {
    int parent_fd;
    char *name;
    const char *const *kept; /* children of the root; NULL: it goes itself */
    dev_t device;            /* of the root */
    struct level levels[LIMIT_WORKSPACE_DEPTH];
    int depth;
    unsigned moved_count; /* folders moved up to the root because they lay too deep */
    bool moved;           /* since the root was last read from its beginning */
    struct error fault;   /* the first */
};

struct tree_removal *tree_removal_create(int parent_fd, const char *name, const char *const *kept)
{
    struct tree_removal *removal = memory_allocate(sizeof *removal);
    removal->parent_fd = parent_fd;
    removal->name = memory_copy_text(name);
    removal->kept = kept;
    return removal;
}

static void pop(struct tree_removal *removal)
{
    struct level *level = &removal->levels[--removal->depth];
    closedir(level->stream);
    free(level->name);
}

void tree_removal_free(struct tree_removal *removal)
{
    if (!removal)
        return;
    while (removal->depth > 0)
        pop(removal);
    free(removal->name);
    free(removal);
}

static void remember_fault(struct tree_removal *removal, int errno_value, const char *name)
{
    if (removal->fault.code == ERROR_NONE)
        error_set_errno(&removal->fault, errno_value, "cannot remove %.*s in %.*s", TEXT_CUT(name, 128),
                        TEXT_CUT(removal->name, 128));
}

/* Where the folder at the top lies. */
static int holder_fd(const struct tree_removal *removal)
{
    return removal->depth > 0 ? dirfd(removal->levels[removal->depth - 1].stream) : removal->parent_fd;
}

/* Jobs leave folders without permissions behind (unpacked archives do); their owner can still remove them.
 * Those of another uid stay as they are. */
static int open_folder(int parent_fd, const char *name, struct stat *status)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent_fd, name, flags);
    if (fd < 0 && errno == EACCES && file_mode_add_at(parent_fd, name, S_IRWXU, 0))
        fd = openat(parent_fd, name, flags);
    if (fd >= 0 && fstat(fd, status) != 0) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    if (fd >= 0 && (status->st_mode & S_IRWXU) != S_IRWXU)
        (void)!fchmod(fd, (status->st_mode & ALLPERMS) | S_IRWXU);
    return fd;
}

static bool push(struct tree_removal *removal, const char *name)
{
    struct stat status;
    int fd = open_folder(holder_fd(removal), name, &status);
    if (fd < 0)
        return false;
    if (removal->depth == 0)
        removal->device = status.st_dev;
    DIR *stream = status.st_dev == removal->device ? fdopendir(fd) : NULL;
    if (!stream) {
        int errno_value = status.st_dev == removal->device ? errno : EXDEV;
        close(fd);
        errno = errno_value;
        return false;
    }
    removal->levels[removal->depth++] = (struct level){stream, memory_copy_text(name)};
    /* cppcheck-suppress resourceLeak; the level owns the stream */
    return true;
}

/* A job may have taken names like ours; how many of them it made is nothing that we wait for. */
static bool rename_to_root(struct tree_removal *removal, const char *name)
{
    enum { TRIES_MAX = 1000 };
    char target[48];
    for (int i = 0; i < TRIES_MAX; i++) {
        snprintf(target, sizeof target, ".deep-%d-%u", (int)getpid(), ++removal->moved_count);
        if (renameat2(holder_fd(removal), name, dirfd(removal->levels[0].stream), target, RENAME_NOREPLACE) ==
            0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

/* Keeps the number of open descriptors bounded however deep the tree is. A folder that changes its parent has
 * to be writable itself. */
static bool move_up(struct tree_removal *removal, const char *name)
{
    bool ok = rename_to_root(removal, name) ||
              (errno == EACCES && file_mode_add_at(holder_fd(removal), name, S_IRWXU, 0) &&
               rename_to_root(removal, name));
    removal->moved = removal->moved || ok;
    return ok;
}

/* Also where the process has no descriptor left, the folders above are emptied first. */
static bool enter(struct tree_removal *removal, const char *name)
{
    if (removal->depth < LIMIT_WORKSPACE_DEPTH && push(removal, name))
        return true;
    bool too_deep = removal->depth == LIMIT_WORKSPACE_DEPTH || errno == EMFILE || errno == ENFILE;
    return too_deep && removal->depth > 1 && move_up(removal, name);
}

static bool stays(const struct tree_removal *removal, const char *name)
{
    for (const char *const *kept = removal->kept; removal->depth == 1 && kept && *kept; kept++)
        if (strcmp(name, *kept) == 0)
            return true;
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Unlinking first and asking afterwards: a link to a folder is unlinked, a folder says EISDIR. */
static void remove_entry(struct tree_removal *removal, const char *name)
{
    if (stays(removal, name) || unlinkat(holder_fd(removal), name, 0) == 0 || errno == ENOENT)
        return;
    int errno_value = errno;
    bool entered = false;
    if (errno_value == EISDIR) {
        entered = enter(removal, name);
        errno_value = errno;
    }
    /* Gone meanwhile: another process removes the tree, too. */
    if (!entered && errno_value != ENOENT)
        remember_fault(removal, errno_value, name);
}

/* The folder at the top was read to its end. */
static void leave_folder(struct tree_removal *removal)
{
    char *name = memory_copy_text(removal->levels[removal->depth - 1].name);
    if (removal->depth == 1 && removal->moved) {
        removal->moved = false;
        rewinddir(removal->levels[0].stream);
    } else {
        pop(removal);
        if (removal->depth > 0 && unlinkat(holder_fd(removal), name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            remember_fault(removal, errno, name);
    }
    free(name);
}

static enum tree_removal_state fail(struct tree_removal *removal, int errno_value, struct error *error)
{
    remember_fault(removal, errno_value, removal->name);
    *error = removal->fault;
    return TREE_REMOVAL_FAILED;
}

static enum tree_removal_state empty_root(struct tree_removal *removal, bool tried, struct error *error)
{
    if (tried)
        return removal->fault.code == ERROR_NONE ? TREE_REMOVAL_DONE : fail(removal, 0, error);
    if (push(removal, removal->name))
        return TREE_REMOVAL_MORE;
    int errno_value = errno;
    bool is_folder = errno_value != ENOTDIR && errno_value != ELOOP;
    if (errno_value == ENOENT || (!is_folder && unlinkat(removal->parent_fd, removal->name, 0) == 0))
        return TREE_REMOVAL_DONE;
    return fail(removal, errno_value, error);
}

/* The root itself: gone, or to be emptied first, or not empty although everything was tried. */
static enum tree_removal_state remove_root(struct tree_removal *removal, bool tried, struct error *error)
{
    if (removal->kept)
        return empty_root(removal, tried, error);
    if (unlinkat(removal->parent_fd, removal->name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return TREE_REMOVAL_DONE;
    if (errno == ENOTDIR && unlinkat(removal->parent_fd, removal->name, 0) == 0)
        return TREE_REMOVAL_DONE;
    if ((errno != ENOTEMPTY && errno != EEXIST) || tried || !push(removal, removal->name))
        return fail(removal, errno, error);
    return TREE_REMOVAL_MORE;
}

enum tree_removal_state tree_removal_step(struct tree_removal *removal, int entries_max, struct error *error)
{
    for (int i = 0; i < entries_max; i++) {
        if (removal->depth == 0) {
            enum tree_removal_state state = remove_root(removal, false, error);
            if (state != TREE_REMOVAL_MORE)
                return state;
        }
        errno = 0;
        const struct dirent *entry = readdir(removal->levels[removal->depth - 1].stream);
        if (entry) {
            remove_entry(removal, entry->d_name);
            continue;
        }
        leave_folder(removal);
        if (removal->depth == 0)
            return remove_root(removal, true, error);
    }
    return TREE_REMOVAL_MORE;
}
