#include "services/node/folder_locks.h"

#include "libcommon/base/text.h"
#include "libcommon/files/folder_lock.h"
#include "services/node/folders.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void folder_locks_init(struct folder_locks *locks)
{
    for (size_t i = 0; i < FOLDER_LOCKED_COUNT; i++)
        locks->fds[i] = -1;
}

static bool fail_used(const struct folder_use *use, const char *by, pid_t holder, struct error *error)
{
    bool gone = holder > 0 && kill(holder, 0) != 0 && errno == ESRCH;
    if (gone)
        return error_set(
            error, ERROR_CONFLICT,
            "%.*s is used by services whose posemesh-node (pid %d) was killed: stop them, or give "
            "this one a %s of its own",
            TEXT_CUT(use->path, 160), (int)holder, use->variable);
    return error_set(error, ERROR_CONFLICT,
                     "%.*s is used by another %s, pid %d: stop that one, or give this one a %s of its own",
                     TEXT_CUT(use->path, 160), by, (int)holder, use->variable);
}

/* By another path, too. */
static bool is_same_folder(int folder_fd, const char *path)
{
    struct stat status;
    struct stat other;
    return fstat(folder_fd, &status) == 0 && stat(path, &other) == 0 && status.st_dev == other.st_dev &&
           status.st_ino == other.st_ino;
}

/* What one service keeps to itself there would be in the way of another. */
static bool check_apart(const struct settings *settings, enum folder_id id, int folder_fd,
                        struct error *error)
{
    for (enum folder_id other = 0; other < id; other++) {
        const struct folder_use earlier = folder_use_of(settings, other);
        if (is_same_folder(folder_fd, earlier.path))
            return error_set(error, ERROR_INVALID, "is the folder of %s, too: give each its own",
                             earlier.variable);
    }
    return true;
}

static int open_folder(const struct identities *identities, const struct settings *settings,
                       enum folder_id id, struct error *error)
{
    uid_t uid = id == FOLDER_WORK ? identities->ids[SERVICE_STORED] : geteuid();
    int fd = folders_open(identities, folder_use_of(settings, id).path, uid, error);
    if (fd < 0 || check_apart(settings, id, fd, error))
        return fd;
    close(fd);
    return -1;
}

static bool take(struct folder_locks *locks, const struct folder_use *use, enum folder_id id, int folder_fd,
                 struct patience *patience, struct error *error)
{
    pid_t holder;
    for (;;) {
        locks->fds[id] = folder_lock_take(folder_fd, use->path, &holder, error);
        if (locks->fds[id] >= 0)
            return true;
        if (error->code != ERROR_CONFLICT)
            return error_prefix(error, "%s", use->variable);
        fail_used(use, "posemesh-node", holder, error);
        if (!patience_wait(patience, error))
            return false;
    }
}

/* One that nobody of ours started: it has no lock on the whole folder, which services share. */
static bool wait_for_service(const struct folder_use *use, const char *path, enum service_id service,
                             struct patience *patience, struct error *error)
{
    char by[64];
    pid_t holder;
    snprintf(by, sizeof by, "posemesh-%s", service_name(service));
    while (folder_lock_is_taken(path, &holder)) {
        fail_used(use, by, holder, error);
        if (!patience_wait(patience, error))
            return false;
    }
    return true;
}

static bool wait_for_services(const struct settings *settings, struct patience *patience, struct error *error)
{
    char path[PATH_MAX];
    const struct folder_use runtime = folder_use_of(settings, FOLDER_RUNTIME);
    const struct folder_use state = folder_use_of(settings, FOLDER_STATE);
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        snprintf(path, sizeof path, "%s/%s/status", runtime.path, service_name(id));
        if (!wait_for_service(&runtime, path, id, patience, error))
            return false;
    }
    snprintf(path, sizeof path, "%s/%s", state.path, service_name(SERVICE_STORED));
    return wait_for_service(&state, path, SERVICE_STORED, patience, error);
}

/* A node removes from its work folder what looks like a workspace that it has left there. */
static bool wait_for_parents(const char *path, struct patience *patience, struct error *error)
{
    char parent[PATH_MAX];
    const struct folder_use above = {.variable = "POSEMESH_WORK_DIR", .path = parent};
    pid_t holder;
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strrchr(parent, '/'); slash && slash != parent; slash = strrchr(parent, '/')) {
        *slash = '\0';
        while (folder_lock_is_taken(parent, &holder) && holder != getpid()) {
            fail_used(&above, "posemesh-node", holder, error);
            if (!patience_wait(patience, error))
                return false;
        }
    }
    return true;
}

bool folder_locks_take(struct folder_locks *locks, const struct identities *identities,
                       const struct settings *settings, struct patience *patience, struct error *error)
{
    for (enum folder_id id = 0; id < FOLDER_LOCKED_COUNT; id++) {
        const struct folder_use use = folder_use_of(settings, id);
        if (id == FOLDER_WORK && !wait_for_parents(use.path, patience, error))
            return false;
        int folder_fd = open_folder(identities, settings, id, error);
        if (folder_fd < 0)
            return error_prefix(error, "%s", use.variable);
        bool taken = take(locks, &use, id, folder_fd, patience, error);
        close(folder_fd);
        if (!taken)
            return false;
    }
    return wait_for_services(settings, patience, error);
}

void folder_locks_release(struct folder_locks *locks)
{
    for (size_t i = 0; i < FOLDER_LOCKED_COUNT; i++)
        if (locks->fds[i] >= 0)
            close(locks->fds[i]);
    folder_locks_init(locks);
}
