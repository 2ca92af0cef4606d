/* One process at a time has a folder. */
#ifndef LIBCOMMON_FILES_FOLDER_LOCK_H
#define LIBCOMMON_FILES_FOLDER_LOCK_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* The file in the folder that the lock is on. It stays there: it is the lock that counts, and that ends with
 * its holders, however they end. */
#define FOLDER_LOCK_FILE ".lock"

/*
 * Takes the open folder (O_PATH will do; `path` is for people). It is had by whoever has the descriptor that
 * is returned, a program too that inherits it: until the last of them is gone. Only the file's owner may open
 * it, so that no other user of the folder can keep the lock. Where the file system has no locks there is a
 * warning instead.
 *
 * -1, and ERROR_CONFLICT: another process has it. `*holder` is the one that took it, 0 when it is not known.
 */
int folder_lock_take(int folder_fd, const char *path, pid_t *holder, struct error *error);

/* Makes nothing and keeps nothing: whether some process has the folder, and then which one took it. */
bool folder_lock_is_taken(const char *path, pid_t *holder);

#endif
