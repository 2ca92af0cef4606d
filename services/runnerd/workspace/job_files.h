/*
 * The files around a job in its workspace. Nothing here follows a link that the job may have made: the
 * workspace is open as a folder, names are single components or are opened without links.
 */
#ifndef RUNNERD_WORKSPACE_JOB_FILES_H
#define RUNNERD_WORKSPACE_JOB_FILES_H

#include "libcommon/base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define JOB_FILES_TASK ".posemesh/task.json"
#define JOB_FILES_INPUTS ".posemesh/inputs.json"
#define JOB_FILES_TEMPORARY ".posemesh/tmp"
#define JOB_FILES_OUTPUTS "outputs"
#define JOB_FILES_OUTPUTS_TABLE "outputs.json"
#define JOB_FILES_FAIL_REASON "fail_reason.txt"

/* Writes a file anew; folders on the way are made. `path` has no `..`. */
bool job_files_write(int folder_fd, const char *path, const char *text, size_t length, struct error *error);

/* Opens the workspace and makes the outputs folder when it is missing. -1 on failure. */
int job_files_open_workspace(const char *path, struct error *error);

/*
 * Makes the folder for temporary files. It is part of the workspace: stored, which is in its group, counts
 * what is in it, and it goes with the job.
 */
bool job_files_make_temporary(int folder_fd, struct error *error);

/* The first LIMIT_REASON_BYTES of fail_reason.txt on one line, or NULL. free() it. */
char *job_files_fail_reason(int folder_fd);

/*
 * Removes all that this uid made in the workspace; datasets and the empty outputs folder are stored's.
 * Blocks: for a thread. Nothing of the job may run any more. Once `stop` (may be NULL) is set it ends soon,
 * and what is left is leftovers.h's.
 */
void job_files_remove(int folder_fd, const atomic_bool *stop);

#endif
