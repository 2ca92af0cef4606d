/* Whether a folder is of use to this process, found without changing anything. */
#ifndef LIBCOMMON_FILES_FOLDER_REACH_H
#define LIBCOMMON_FILES_FOLDER_REACH_H

#include "libcommon/base/error.h"

#include <stdbool.h>

enum folder_need {
    FOLDER_NEED_WAY,  /* what is above it can be entered */
    FOLDER_NEED_READ, /* it can be entered and read, too */
    FOLDER_NEED_WRITE /* it can be written to, too; where it is missing, it can be made */
};

/*
 * Asks the kernel as the user that this process is, by which access lists and read-only disks count. What is
 * missing is no fault, but where it would have to be made. The error is the end of a sentence that begins
 * with the user: "cannot enter /home/x: chmod o+x it, or choose another place".
 */
bool folder_reach_check(const char *path, enum folder_need need, struct error *error);

#endif
