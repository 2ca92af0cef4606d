/* Whether others could put something else in a folder's place. */
#ifndef LIBCOMMON_FILES_FOLDER_TRUST_H
#define LIBCOMMON_FILES_FOLDER_TRUST_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Looks at every folder above `path` (absolute), up to the root, and at those above whatever links in it lead
 * to: each must belong to root or `own`, and nobody else may write to it, unless it is sticky, as /tmp, where
 * nobody can replace what is another's. A group counts as somebody else: who else is in it, or will be, is
 * not known here. The folder itself, and what is missing on the way, is not looked at. ERROR_FORBIDDEN names
 * the folder and the remedy.
 */
bool folder_check_parents(const char *path, uid_t own, struct error *error);

#endif
