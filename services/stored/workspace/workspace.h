/*
 * The folder of a task, <work dir>/<task id>: `datasets` holds its inputs (read-only to the job), `outputs`
 * what the job wants stored. Workspace and outputs are setgid and writable by the work dir's group, which
 * stored and runner hosts share. Downloads lie aside in <work dir>/.incoming-<task id>, which only stored can
 * enter, until they are whole.
 */
#ifndef STORED_WORKSPACE_WORKSPACE_H
#define STORED_WORKSPACE_WORKSPACE_H

#include "libcommon/base/error.h"
#include "libcommon/message/message.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* POSEMESH_WORK_DIR. */
struct work_dir {
    char *path;
    int fd;
    gid_t group;
    unsigned retired_count;
};

/* Makes the folder when it is missing (its parent must be there). */
bool work_dir_open(struct work_dir *work_dir, const char *path, struct error *error);
void work_dir_close(struct work_dir *work_dir);

/* The names of the folders that an earlier run left: workspaces of task ids (UUIDs) and our own, those of
 * restored sessions too: workspace_owns() tells. text_list_clear() them, also on failure. */
bool work_dir_find_leftovers(const struct work_dir *work_dir, struct text_list *names, struct error *error);

/* A task id that can be a folder's name: A-Z a-z 0-9 - _ . alone, at most 64, not beginning with a dot. */
bool workspace_name_is_safe(const char *task_id);

/*
 * Moves what there is under a task's name out of the way, into a folder of its own that is to be removed. Its
 * name is *retired (free() it), or NULL when there was nothing.
 */
bool workspace_retire(struct work_dir *work_dir, const char *task_id, char **retired, struct error *error);

struct workspace {
    char *path;
    int fd;
    int datasets_fd; /* kept open: a job that puts something else in its place changes nothing here */
    int incoming_fd;
    int64_t max_bytes; /* POSEMESH_WORKSPACE_MAX_BYTES, set by the session; 0: no limit */
};

bool workspace_create(struct workspace *workspace, struct work_dir *work_dir, const char *task_id,
                      struct error *error);

/* Opens one of an earlier run of stored, and empties its incoming folder. ERROR_NOT_FOUND: it is not there as
 * we made it. */
bool workspace_reopen(struct workspace *workspace, struct work_dir *work_dir, const char *task_id,
                      struct error *error);

/* Whether `name`, as work_dir_find_leftovers() gives it, belongs to this task's workspace. */
bool workspace_owns(const char *name, const char *task_id);

/* Closes the descriptors; the folder stays. */
void workspace_close(struct workspace *workspace);

/*
 * Opens for reading, once, without waiting and without following anything: neither links, nor "..", nor "/"
 * are taken. -1 with ERROR_NOT_FOUND, or ERROR_INVALID for what is no regular file of the workspace.
 */
int workspace_open_file(const struct workspace *workspace, const char *path, struct error *error);

/* A file with these bytes that has no name: it is gone when the descriptor is closed. -1 on failure. */
int workspace_spool_bytes(const struct workspace *workspace, const void *bytes, size_t length,
                          struct error *error);

/* Creates a file in the incoming folder, 0640, which must not be there. */
int workspace_create_incoming(const struct workspace *workspace, const char *name, struct error *error);
void workspace_remove_incoming(const struct workspace *workspace, const char *name);

/* Moves an incoming file to `path`, which begins with "datasets/" and has three components. ERROR_CONFLICT:
 * it is there already. */
bool workspace_place_incoming(const struct workspace *workspace, const char *name, const char *path,
                              struct error *error);
void workspace_remove_placed(const struct workspace *workspace, const char *path);

#endif
