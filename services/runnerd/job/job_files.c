#include "services/runnerd/job/job_files.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0770, FILE_MODE = 0640, WALK_DESCRIPTORS = 32 };

/* --- reading and writing --- */

static char *read_open(int fd, size_t max_bytes, size_t *length, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        error_set(error, ERROR_INVALID, "it is not a regular file");
        return NULL;
    }
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
    free(text);
    return NULL;
}

char *job_files_read(int folder_fd, const char *path, size_t max_bytes, bool follow_links, size_t *length,
                     struct error *error)
{
    /* Without O_NONBLOCK a named pipe in place of the file would stop the whole service. */
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (follow_links ? 0 : O_NOFOLLOW);
    int fd = openat(folder_fd, path, flags);
    if (fd < 0) {
        int errno_value = errno;
        error_set_errno(error, errno_value, "cannot open it");
        if (errno_value == ENOENT)
            error->code = ERROR_NOT_FOUND;
        return NULL;
    }
    char *text = read_open(fd, max_bytes, length, error);
    close(fd);
    return text;
}

static bool make_folders(int folder_fd, const char *path)
{
    char *copy = memory_copy_text(path);
    bool ok = true;
    for (char *slash = strchr(copy, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdirat(folder_fd, copy, FOLDER_MODE) == 0 || errno == EEXIST;
        *slash = '/';
    }
    free(copy);
    return ok;
}

bool job_files_write(int folder_fd, const char *path, const char *text, size_t length, struct error *error)
{
    int fd = -1;
    if (make_folders(folder_fd, path))
        fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    bool ok = fd >= 0;
    for (size_t done = 0; ok && done < length;) {
        ssize_t written = write(fd, text + done, length - done);
        if (written > 0)
            done += (size_t)written;
        else
            ok = written < 0 && errno == EINTR;
    }
    if (!ok)
        error_set_errno(error, errno, "cannot write %s in the workspace", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

int job_files_open_workspace(const char *path, struct error *error)
{
    if (path[0] != '/' || strstr(path, "/..")) {
        error_set(error, ERROR_INVALID, "workspace '%.200s' is no absolute path", path);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open the workspace %.200s", path);
        return -1;
    }
    if (mkdirat(fd, JOB_FILES_OUTPUTS, FOLDER_MODE) == 0 || errno == EEXIST)
        return fd;
    error_set_errno(error, errno, "cannot make the outputs folder");
    close(fd);
    return -1;
}

/* --- texts --- */

char *job_files_inputs_json(const struct message_input *inputs, size_t count)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_array(&writer);
    for (size_t i = 0; i < count; i++) {
        const struct message_input *input = &inputs[i];
        json_writer_open_object(&writer);
        json_writer_string_member(&writer, "cid", input->cid);
        json_writer_string_member(&writer, "path", input->path);
        json_writer_string_member(&writer, "data_id", input->data_id);
        json_writer_string_member(&writer, "name", input->name);
        json_writer_string_member(&writer, "data_type", input->data_type);
        json_writer_string_member(&writer, "domain_id", input->domain_id);
        json_writer_key(&writer, "related_files");
        json_writer_open_array(&writer);
        for (size_t file = 0; file < input->related_files.count; file++)
            json_writer_string(&writer, input->related_files.items[file]);
        json_writer_close_array(&writer);
        json_writer_close_object(&writer);
    }
    json_writer_close_array(&writer);
    return json_writer_take(&writer);
}

/* What does not fit is cut, unlike with job_files_read(): a long reason is better than none. */
char *job_files_fail_reason(int folder_fd)
{
    char text[LIMIT_REASON_BYTES];
    struct stat status;
    int fd =
        openat(folder_fd, JOB_FILES_FAIL_REASON, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return NULL;
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    ssize_t got = regular ? read(fd, text, sizeof text - 1) : -1;
    close(fd);
    if (got <= 0)
        return NULL;
    size_t length = strnlen(text, (size_t)got);
    /* A cut must not leave half of a character. */
    if ((size_t)got == sizeof text - 1)
        while (length && ((unsigned char)text[length - 1] & 0x80) != 0)
            length--;
    const char *start = text;
    text_trim(&start, &length);
    return length ? text_copy_one_line(start, length) : NULL;
}

/* --- removal --- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position);

static void open_up_parent(const char *path)
{
    char *parent = memory_copy_text(path);
    char *slash = strrchr(parent, '/');
    if (slash) {
        *slash = '\0';
        chmod(parent, S_IRWXU);
    }
    free(parent);
}

/* Jobs leave folders without permissions behind (unpacked archives do); their owner can still remove them. */
static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *position)
{
    (void)status;
    (void)position;
    if (kind == FTW_DNR && chmod(path, S_IRWXU) == 0 && rmdir(path) != 0)
        return nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    int flag = kind == FTW_DP || kind == FTW_D || kind == FTW_DNR ? AT_REMOVEDIR : 0;
    if (unlinkat(AT_FDCWD, path, flag) != 0 && errno == EACCES) {
        open_up_parent(path);
        unlinkat(AT_FDCWD, path, flag);
    }
    return 0;
}

static void remove_children(const char *folder, bool all)
{
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    if (!entries)
        return;
    while ((entry = readdir(entries)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        /* stored made these two and removes them. */
        if (!all && (strcmp(name, "datasets") == 0 || strcmp(name, JOB_FILES_OUTPUTS) == 0))
            continue;
        char *path = memory_format("%s/%s", folder, name);
        nftw(path, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        free(path);
    }
    closedir(entries);
}

void job_files_remove(const char *workspace)
{
    struct stat status;
    char *outputs = memory_format("%s/%s", workspace, JOB_FILES_OUTPUTS);
    /* The job may have put a link in the place of the folder. */
    if (lstat(outputs, &status) == 0 && S_ISDIR(status.st_mode)) {
        chmod(outputs, status.st_mode | S_IRWXU);
        remove_children(outputs, true);
    } else {
        unlink(outputs);
    }
    free(outputs);
    remove_children(workspace, false);
}
