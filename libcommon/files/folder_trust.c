#include "libcommon/files/folder_trust.h"

#include "libcommon/base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As the kernel's, of links to links. */
enum { LINKS_MAX = 40, MODE_BITS = 07777 };

/* What a look takes along. */
struct look {
    uid_t own;
    bool last_too; /* the last of the path is on the way, too */
    int links_left;
    struct error *error;
};

static bool check_way(const char *path, struct look look);

static bool check_owner(const char *path, const struct stat *status, const struct look *look)
{
    if (status->st_uid == 0 || status->st_uid == look->own)
        return true;
    return error_set(
        look->error, ERROR_FORBIDDEN,
        "leads through %.*s, which belongs to uid %u: who could put something else in its place. "
        "Choose another place, or chown it to root",
        TEXT_CUT(path, 200), (unsigned)status->st_uid);
}

static bool check_folder(const char *path, const struct stat *status, const struct look *look)
{
    bool open_to_others = status->st_mode & (S_IWGRP | S_IWOTH) && !(status->st_mode & S_ISVTX);
    if (!check_owner(path, status, look))
        return false;
    if (!open_to_others)
        return true;
    return error_set(look->error, ERROR_FORBIDDEN,
                     "leads through %.*s, where others may write (mode %04o): they could put something else "
                     "in its place. Choose another place, or chmod go-w it",
                     TEXT_CUT(path, 200), (unsigned)status->st_mode & MODE_BITS);
}

/* Where the link leads, and what is above that. */
static bool check_link(const char *link, const struct stat *status, struct look look)
{
    char target[PATH_MAX];
    char path[2 * PATH_MAX];
    if (!check_owner(link, status, &look))
        return false;
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0)
        return error_set_errno(look.error, errno, "cannot look at %.*s", TEXT_CUT(link, 200));
    if (look.links_left-- == 0)
        return error_set(look.error, ERROR_INVALID, "leads through too many links");
    target[length] = '\0';
    const char *slash = strrchr(link, '/');
    int above = *target == '/' || !slash ? 0 : (int)(slash - link) + 1;
    snprintf(path, sizeof path, "%.*s%s", above, link, target);
    return check_way(path, look);
}

/* What is missing is made later, in what was looked at. */
static bool check_step(const char *path, bool is_last, struct look look, bool *missing)
{
    struct stat status;
    bool there = lstat(path, &status) == 0;
    *missing = !there && (errno == ENOENT || errno == ENOTDIR);
    if (!there)
        return *missing || error_set_errno(look.error, errno, "cannot look at %.*s", TEXT_CUT(path, 200));
    if (S_ISLNK(status.st_mode)) {
        look.last_too = look.last_too || !is_last;
        return check_link(path, &status, look);
    }
    return (is_last && !look.last_too) || check_folder(path, &status, &look);
}

static bool check_way(const char *path, struct look look)
{
    char step[2 * PATH_MAX];
    size_t length = strlen(path);
    bool missing = false;
    while (length > 1 && path[length - 1] == '/')
        length--;
    for (size_t end = 1; end <= length && !missing; end++) {
        bool is_step = end == 1 || end == length || path[end] == '/';
        snprintf(step, sizeof step, "%.*s", (int)end, path);
        if (is_step && !check_step(step, end == length, look, &missing))
            return false;
    }
    return true;
}

bool folder_check_parents(const char *path, uid_t own, struct error *error)
{
    return check_way(path, (struct look){.own = own, .links_left = LINKS_MAX, .error = error});
}
