/* Permissions of what other programs left, whatever they have taken away. */
#ifndef LIBCOMMON_FILES_FILE_MODE_H
#define LIBCOMMON_FILES_FILE_MODE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Adds permissions to a folder or a regular file named by one component, whatever its mode; of another kind
 * (a link is not followed) nothing changes. False with errno; EPERM: it lacks them and belongs to another
 * uid, whose files stay as they are.
 */
bool file_mode_add_at(int folder_fd, const char *name, mode_t folder_bits, mode_t file_bits);

#endif
