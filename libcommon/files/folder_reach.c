#include "libcommon/files/folder_reach.h"

#include "libcommon/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool refuse(const char *path, const char *what, const char *remedy, struct error *error)
{
    int reason = errno;
    if (reason == EROFS)
        remedy = "its disk is read-only. Mount it writable";
    else if (reason == ENOTDIR)
        remedy = "a part of it is no folder. Move that";
    else if (reason != EACCES)
        return error_set_errno(error, reason, "cannot %s %.*s", what, TEXT_CUT(path, 160));
    return error_set(error, ERROR_FORBIDDEN, "cannot %s %.*s: %s, or choose another place", what,
                     TEXT_CUT(path, 160), remedy);
}

/* Enters one after the other. `nearest` becomes the last that is there; `*whole`: that is `path`. */
static bool walk(const char *path, char nearest[PATH_MAX], bool *whole, struct error *error)
{
    char step[PATH_MAX];
    char as_folder[PATH_MAX + 1];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    *whole = false;
    for (size_t end = 1; end <= length; end++) {
        bool last = end == length;
        if (end > 1 && !last && path[end] != '/')
            continue;
        snprintf(step, sizeof step, "%.*s", (int)end, path);
        snprintf(as_folder, sizeof as_folder, "%s/", step);
        /* What a folder itself grants is the caller's matter. */
        if (access(as_folder, last ? F_OK : X_OK) != 0)
            return errno == ENOENT || refuse(step, "enter", "chmod o+x it", error);
        snprintf(nearest, PATH_MAX, "%s", step);
        *whole = last;
    }
    return true;
}

static bool refuse_to_make(const char *path, const char *nearest, struct error *error)
{
    char remedy[PATH_MAX];
    text_format(remedy, sizeof remedy, "make %.*s for that user", TEXT_CUT(path, 160));
    return refuse(nearest, "make a folder in", remedy, error);
}

bool folder_reach_check(const char *path, enum folder_need need, struct error *error)
{
    char nearest[PATH_MAX] = "/";
    bool whole;
    if (!walk(path, nearest, &whole, error))
        return false;
    if (need == FOLDER_NEED_READ && whole && access(nearest, R_OK | X_OK) != 0)
        return refuse(nearest, "read", "chmod o+rx it", error);
    if (need != FOLDER_NEED_WRITE || access(nearest, W_OK | X_OK) == 0)
        return true;
    return whole ? refuse(nearest, "write to", "make it that user's", error)
                 : refuse_to_make(path, nearest, error);
}
