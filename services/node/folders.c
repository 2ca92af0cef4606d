#include "services/node/folders.h"

#include "libcommon/operations.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mkdir -p, the last folder with this owner and mode. */
static bool make_folder(const char *path, uid_t uid, gid_t gid, mode_t mode, bool set_owner,
                        struct error *error)
{
    char parent[PATH_MAX];
    struct stat status;
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(parent, 0755) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot make %s", parent);
        *slash = '/';
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot make %s", path);
    /* A link or a file in its place is somebody's trap or mistake. */
    if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return error_set(error, ERROR_INVALID, "%s is not a folder", path);
    if (set_owner && chown(path, uid, gid) != 0)
        return error_set_errno(error, errno, "cannot give %s to uid %u", path, (unsigned)uid);
    if (chmod(path, mode) != 0)
        return error_set_errno(error, errno, "cannot set the mode of %s", path);
    return true;
}

/* The one service that calls a role; posemesh-node itself is root and needs no group. */
static enum service_id caller_of(const struct role_info *role)
{
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        if (role->callers & (1U << id))
            return id;
    return role->owner;
}

static bool make_role_folders(const struct identities *identities, const char *runtime_dir,
                              struct error *error)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        const struct role_info *role = &role_infos[i];
        snprintf(path, sizeof path, "%s/%s/%s", runtime_dir, service_name(role->owner), role->folder);
        /* Set-gid: the socket gets the caller's group, and its mode 0660 lets that group in. */
        if (!make_folder(path, identities->ids[role->owner], identities->ids[caller_of(role)],
                         identities->separate ? 02750 : 0700, identities->separate, error))
            return false;
    }
    for (size_t i = 0; i < event_count; i++) {
        enum service_id publisher = event_infos[i].publisher;
        snprintf(path, sizeof path, "%s/%s/events", runtime_dir, service_name(publisher));
        if (!make_folder(path, identities->ids[publisher], identities->shared_gid,
                         identities->separate ? 02750 : 0700, identities->separate, error))
            return false;
    }
    return true;
}

bool folders_make(const struct identities *identities, const char *runtime_dir, const char *work_dir,
                  struct error *error)
{
    char path[PATH_MAX];
    mode_t shared_mode = identities->separate ? 0755 : 0700;
    uid_t own = geteuid();
    gid_t own_group = getegid();
    if (!make_folder(runtime_dir, own, own_group, shared_mode, identities->separate, error))
        return false;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        snprintf(path, sizeof path, "%s/%s", runtime_dir, service_name(id));
        if (!make_folder(path, own, own_group, shared_mode, identities->separate, error))
            return false;
    }
    return make_role_folders(identities, runtime_dir, error) &&
           make_folder(work_dir, identities->ids[SERVICE_STORED], identities->ids[SERVICE_RUNNERD],
                       identities->separate ? 02750 : 0700, identities->separate, error);
}
