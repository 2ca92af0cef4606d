#include "services/runnerd/workspace/output_scan.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/files/file.h"
#include "libcommon/files/file_mode.h"
#include "libcommon/json/json_field.h"
#include "services/runnerd/workspace/job_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ENTRIES_MAX = 10 * LIMIT_ARTIFACTS, /* folders and skipped files included */
    /* stored has another uid, and shares the group: it reads what the job has closed to everybody else. */
    FOLDER_BITS = S_IRWXU | S_IRGRP | S_IXGRP,
    FILE_BITS = S_IRUSR | S_IWUSR | S_IRGRP
};

struct scan {
    struct output_list *list;
    size_t entries;
    const struct log_task *log;
    struct error *error;
};

static bool scan_folder(struct scan *scan, int parent_fd, const char *name, const char *prefix, int depth);

static void skip(const struct scan *scan, const char *path, const char *why)
{
    log_write(LOG_LEVEL_WARN, scan->log, "output %.*s is not uploaded: %s", TEXT_CUT(path, 512), why);
}

static bool add_file(struct scan *scan, const char *path)
{
    struct output_list *list = scan->list;
    if (list->count == LIMIT_ARTIFACTS)
        return error_set(scan->error, ERROR_TOO_LARGE, "there are more than %d outputs", LIMIT_ARTIFACTS);
    if (list->count % 64 == 0)
        list->files = memory_resize_array(list->files, list->count + 64, sizeof *list->files);
    list->files[list->count++] = (struct output_file){.rel_path = memory_copy_text(path)};
    return true;
}

static bool scan_entry(struct scan *scan, int folder_fd, const char *name, const char *prefix, int depth)
{
    struct stat status;
    bool ok = true;
    if (++scan->entries > ENTRIES_MAX)
        return error_set(scan->error, ERROR_TOO_LARGE, "there are more than %d entries in the outputs folder",
                         ENTRIES_MAX);
    char *path = *prefix ? memory_format("%s/%s", prefix, name) : memory_copy_text(name);
    /* What belongs to another uid is the other's affair: it is read if it can be. */
    (void)!file_mode_add_at(folder_fd, name, FOLDER_BITS, FILE_BITS);
    if (fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        ok = error_set_errno(scan->error, errno, "cannot look at output %.*s", TEXT_CUT(path, 200));
    else if (S_ISREG(status.st_mode))
        ok = add_file(scan, path);
    else if (S_ISDIR(status.st_mode))
        ok = scan_folder(scan, folder_fd, name, path, depth + 1);
    else
        skip(scan, path, S_ISLNK(status.st_mode) ? "it is a link" : "it is a special file");
    free(path);
    return ok;
}

static bool scan_folder(struct scan *scan, int parent_fd, const char *name, const char *prefix, int depth)
{
    const struct dirent *entry;
    bool ok = true;
    if (depth > LIMIT_WORKSPACE_DEPTH)
        return error_set(scan->error, ERROR_TOO_LARGE, "the outputs folder is deeper than %d levels",
                         LIMIT_WORKSPACE_DEPTH);
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder) {
        error_set_errno(scan->error, errno, "cannot open the outputs folder %.*s", TEXT_CUT(prefix, 200));
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (ok && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = scan_entry(scan, dirfd(folder), entry->d_name, prefix, depth);
    closedir(folder);
    return ok;
}

static int compare_files(const void *left, const void *right)
{
    return strcmp(((const struct output_file *)left)->rel_path,
                  ((const struct output_file *)right)->rel_path);
}

/* --- outputs.json --- */

static bool read_row(struct scan *scan, struct json_slice raw_path, struct json_slice row)
{
    char *path = json_text_decode_string(raw_path, scan->error);
    if (!path)
        return false;
    const struct output_file key = {.rel_path = path};
    struct output_list *list = scan->list;
    struct output_file *file =
        list->count ? bsearch(&key, list->files, list->count, sizeof *list->files, compare_files) : NULL;
    bool ok = true;
    if (json_text_type(row) != JSON_TEXT_OBJECT)
        ok = error_set(scan->error, ERROR_INVALID, "'%.*s' must be an object", TEXT_CUT(path, 200));
    else if (!file)
        skip(scan, path, "outputs.json names it, but there is no such file");
    else if (file->name || file->data_type || file->id)
        ok = error_set(scan->error, ERROR_INVALID, "'%.*s' is given twice", TEXT_CUT(path, 200));
    else
        ok = json_field_string(row, "name", &file->name, scan->error) &&
             json_field_string(row, "data_type", &file->data_type, scan->error) &&
             json_field_string(row, "id", &file->id, scan->error);
    free(path);
    return ok;
}

static bool read_table(struct scan *scan, int workspace_fd)
{
    size_t length;
    struct json_slice object;
    struct json_slice path;
    struct json_slice row;
    char *text = file_read_text(workspace_fd, JOB_FILES_OUTPUTS_TABLE, LIMIT_OUTPUTS_FILE_BYTES, false,
                                &length, scan->error);
    if (!text)
        return scan->error->code == ERROR_NOT_FOUND || error_prefix(scan->error, JOB_FILES_OUTPUTS_TABLE);
    bool ok = json_field_parse_object(text, length, &object, scan->error);
    if (ok) {
        struct json_iterator members = json_text_members(object);
        while (ok && json_text_next_member(&members, &path, &row))
            ok = read_row(scan, path, row);
    }
    free(text);
    return ok || error_prefix(scan->error, JOB_FILES_OUTPUTS_TABLE);
}

bool output_scan(int workspace_fd, struct output_list *list, const struct log_task *log, struct error *error)
{
    struct scan scan = {.list = list, .log = log, .error = error};
    *list = (struct output_list){NULL, 0};
    (void)!file_mode_add_at(workspace_fd, JOB_FILES_OUTPUTS, FOLDER_BITS, 0);
    (void)!file_mode_add_at(workspace_fd, JOB_FILES_OUTPUTS_TABLE, 0, S_IRUSR);
    if (!scan_folder(&scan, workspace_fd, JOB_FILES_OUTPUTS, "", 0))
        return false;
    if (list->count)
        qsort(list->files, list->count, sizeof *list->files, compare_files);
    return read_table(&scan, workspace_fd);
}

void output_list_clear(struct output_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->files[i].rel_path);
        free(list->files[i].name);
        free(list->files[i].data_type);
        free(list->files[i].id);
    }
    free(list->files);
    *list = (struct output_list){NULL, 0};
}
