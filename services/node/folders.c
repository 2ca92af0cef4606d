#include "services/node/folders.h"

#include "libcommon/files/folder.h"
#include "libcommon/files/folder_trust.h"
#include "libcommon/node/folder_use.h"
#include "libcommon/node/operations.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Without r: only its owner can open it, and so keep it locked (folder_lock.h). */
    NODES_MODE = 0711
};

static bool make_parents(const char *path, struct error *error)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!folder_make(parent, 0755, error))
            return false;
        *slash = '/';
    }
    return true;
}

/* POSEMESH_WORK_DIR=/tmp must not end with /tmp closed to everybody else. */
static bool check_own(int fd, const char *path, uid_t uid, struct error *error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", path);
    if ((status.st_mode & S_IWOTH) ||
        (status.st_uid != uid && status.st_uid != 0 && status.st_uid != geteuid()))
        return error_set(error, ERROR_FORBIDDEN,
                         "%s belongs to uid %u or is open to all: it has to be the node's own folder", path,
                         (unsigned)status.st_uid);
    return true;
}

int folders_open(const struct identities *identities, const char *path, uid_t uid, struct error *error)
{
    /* Looked at with the settings, too: what was missing then may have been made by somebody else since. */
    mode_t mode = identities->separate ? NODES_MODE : S_IRWXU;
    if (!make_parents(path, error) || !folder_make(path, mode, error) ||
        !folder_check_parents(path, geteuid(), error))
        return -1;
    /* A link or a file in its place is somebody's trap or mistake. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "%s is not a folder that can be opened", path);
    if (fd < 0 || !identities->separate || check_own(fd, path, uid, error))
        return fd;
    close(fd);
    return -1;
}

static bool take_folder(int fd, const char *path, uid_t uid, gid_t gid, mode_t mode, bool set_owner,
                        struct error *error)
{
    if (set_owner && fchown(fd, uid, gid) != 0)
        return error_set_errno(error, errno, "cannot give %s to uid %u", path, (unsigned)uid);
    if (fchmod(fd, mode) != 0)
        return error_set_errno(error, errno, "cannot set the mode of %s", path);
    return true;
}

/* mkdir -p, the last folder with this owner and mode; without uids of their own it is the user's alone. */
static bool make_folder(const struct identities *identities, const char *path, uid_t uid, gid_t gid,
                        mode_t mode, struct error *error)
{
    bool separate = identities->separate;
    int fd = folders_open(identities, path, uid, error);
    if (fd < 0)
        return false;
    bool ok = take_folder(fd, path, uid, gid, separate ? mode : 0700, separate, error);
    close(fd);
    return ok;
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
        if (!make_folder(identities, path, identities->ids[role->owner], identities->ids[caller_of(role)],
                         02750, error))
            return false;
    }
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        enum service_id publisher = event_infos[i].publisher;
        snprintf(path, sizeof path, "%s/%s/events", runtime_dir, service_name(publisher));
        if (!make_folder(identities, path, identities->ids[publisher], identities->shared_gid, 02750, error))
            return false;
    }
    return true;
}

static bool make_runtime_folders(const struct identities *identities, const char *runtime_dir,
                                 struct error *error)
{
    char path[PATH_MAX];
    if (!make_folder(identities, runtime_dir, geteuid(), getegid(), NODES_MODE, error))
        return false;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        snprintf(path, sizeof path, "%s/%s", runtime_dir, service_name(id));
        if (!make_folder(identities, path, geteuid(), getegid(), 0755, error))
            return false;
    }
    return make_role_folders(identities, runtime_dir, error);
}

/* What stored keeps is its own alone. */
static bool make_state_folders(const struct identities *identities, const char *state_dir,
                               struct error *error)
{
    char path[PATH_MAX];
    uid_t uid = identities->ids[SERVICE_STORED];
    snprintf(path, sizeof path, "%s/%s", state_dir, service_name(SERVICE_STORED));
    return make_folder(identities, state_dir, geteuid(), getegid(), NODES_MODE, error) &&
           make_folder(identities, path, uid, uid, 0700, error);
}

static bool make(const struct identities *identities, const struct settings *settings, enum folder_id id,
                 struct error *error)
{
    switch (id) {
    case FOLDER_RUNTIME:
        return make_runtime_folders(identities, settings->runtime_dir, error);
    case FOLDER_STATE:
        return make_state_folders(identities, settings->state_dir, error);
    default:
        return make_folder(identities, settings->work_dir, identities->ids[SERVICE_STORED],
                           identities->ids[SERVICE_RUNNERD], 02750, error);
    }
}

bool folders_make(const struct identities *identities, const struct settings *settings, struct error *error)
{
    for (enum folder_id id = 0; id < FOLDER_LOCKED_COUNT; id++)
        if (!make(identities, settings, id, error))
            return error_prefix(error, "%s", folder_use_of(settings, id).variable);
    return true;
}
