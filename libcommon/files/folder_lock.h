/* One process at a time has a folder. */
#ifndef LIBCOMMON_FILES_FOLDER_LOCK_H
#define LIBCOMMON_FILES_FOLDER_LOCK_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Takes the folder, opened for reading, until the last of those who have this descriptor is gone: a program
 * too that inherits it. No file is needed, so that nothing can be put in one's place or be removed: the lock
 * is on the folder itself. SECURITY: who may open the folder for reading can keep it locked.
 *
 * Processes of one machine (containers, too) meet, those of several that share a disk do not: no network
 * file system hands on locks of folders. Where there are no locks at all there is a warning instead.
 *
 * False, and ERROR_CONFLICT: another process has it. `*holder` is the one that took it, as the kernel knows
 * it; it may be gone and have left the lock to others. 0: not known, or of another namespace of processes.
 */
bool folder_lock_take(int folder_fd, const char *path, pid_t *holder, struct error *error);

/* Keeps nothing: whether some process has the folder, and then which one took it. `parent_fd` as of
 * openat(). */
bool folder_lock_is_taken_at(int parent_fd, const char *path, pid_t *holder);
bool folder_lock_is_taken(const char *path, pid_t *holder);

#endif
