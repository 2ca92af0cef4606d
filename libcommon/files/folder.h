/* Folders that whoever comes first makes. */
#ifndef LIBCOMMON_FILES_FOLDER_H
#define LIBCOMMON_FILES_FOLDER_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/* Makes the folder when it is missing; what is there stays as it is, mode and owner too. Its parent must be
 * there. */
bool folder_make(const char *path, mode_t mode, struct error *error);

/* As folder_make, of a name below an open folder. */
bool folder_make_at(int parent_fd, const char *name, mode_t mode, struct error *error);

#endif
