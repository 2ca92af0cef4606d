/*
 * A walk without recursion, as tree_removal.c's: descriptors and single names alone, so that a job that
 * renames folders meanwhile can lead it nowhere else. It may then count a file twice or not at all: who acts
 * on the number looks again first.
 */
#include "services/stored/workspace/tree_measure.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 512 }; /* st_blocks counts in these, whatever the file system's own are */

struct tree_measure {
    int folders[TREE_MEASURE_FOLDERS_MAX];
    size_t folder_count;
    size_t next_folder;
    dev_t device; /* of the folder that is walked */
    DIR *levels[LIMIT_WORKSPACE_DEPTH];
    int depth;
    int64_t bytes;
    char fault[NAME_MAX + 128];
};

struct tree_measure *tree_measure_create(const int *folder_fds, size_t count)
{
    struct tree_measure *measure = memory_allocate(sizeof *measure);
    for (size_t i = 0; i < count && i < TREE_MEASURE_FOLDERS_MAX; i++)
        measure->folders[measure->folder_count++] = folder_fds[i];
    return measure;
}

void tree_measure_free(struct tree_measure *measure)
{
    if (!measure)
        return;
    while (measure->depth > 0)
        closedir(measure->levels[--measure->depth]);
    free(measure);
}

int64_t tree_measure_bytes(const struct tree_measure *measure)
{
    return measure->bytes;
}

const char *tree_measure_fault(const struct tree_measure *measure)
{
    return *measure->fault ? measure->fault : NULL;
}

static void remember_fault(struct tree_measure *measure, const char *name, const char *why)
{
    if (!*measure->fault)
        text_format(measure->fault, sizeof measure->fault, "%s: %s", name, why);
}

static void count(struct tree_measure *measure, const struct stat *status)
{
    int64_t bytes = (int64_t)status->st_blocks * BLOCK_BYTES;
    if (!S_ISDIR(status->st_mode) && status->st_nlink > 1)
        bytes /= (int64_t)status->st_nlink;
    measure->bytes += bytes;
}

/* A folder that vanished, or became something else, since it was seen is no fault. */
static void enter(struct tree_measure *measure, int holder_fd, const char *name)
{
    if (measure->depth == LIMIT_WORKSPACE_DEPTH) {
        remember_fault(measure, name, "it lies too deep");
        return;
    }
    int fd = openat(holder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream) {
        measure->levels[measure->depth++] = stream;
        /* cppcheck-suppress resourceLeak; the level owns the stream */
        return;
    }
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        remember_fault(measure, name, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static void take_entry(struct tree_measure *measure, int holder_fd, const char *name)
{
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        fstatat(holder_fd, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0)
        return;
    if (status.st_dev != measure->device)
        return;
    count(measure, &status);
    if (S_ISDIR(status.st_mode))
        enter(measure, holder_fd, name);
}

static void begin_folder(struct tree_measure *measure)
{
    struct stat status;
    int fd = measure->folders[measure->next_folder++];
    if (fstat(fd, &status) != 0)
        return;
    measure->device = status.st_dev;
    count(measure, &status);
    enter(measure, fd, ".");
}

bool tree_measure_step(struct tree_measure *measure, int entries_max)
{
    for (int i = 0; i < entries_max; i++) {
        if (measure->depth == 0) {
            if (measure->next_folder == measure->folder_count)
                return false;
            begin_folder(measure);
            continue;
        }
        DIR *stream = measure->levels[measure->depth - 1];
        const struct dirent *entry = readdir(stream);
        if (entry)
            take_entry(measure, dirfd(stream), entry->d_name);
        else
            closedir(measure->levels[--measure->depth]);
    }
    return true;
}
