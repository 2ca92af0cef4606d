#include "services/node/folder_locks.h"

#include "libcommon/base/text.h"
#include "libcommon/files/folder_lock.h"
#include "services/node/folder_places.h"
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

/* Whoever runs jobs may find one of theirs here, which escaped from its node. */
static bool is_no_node(pid_t holder, uid_t *uid)
{
    char path[sizeof "/proc/" + 3 * sizeof holder];
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d", (int)holder);
    bool is_other = geteuid() == 0 && holder > 0 && stat(path, &status) == 0 && status.st_uid != 0;
    *uid = is_other ? status.st_uid : 0;
    return is_other;
}

static bool fail_used(const struct folder_use *use, const char *by, pid_t holder, struct error *error)
{
    char holder_text[FOLDER_USE_HOLDER_BYTES];
    uid_t uid;
    if (holder > 0 && kill(holder, 0) != 0 && errno == ESRCH)
        return error_set(
            error, ERROR_CONFLICT,
            "%.*s is used by services whose posemesh-node (pid %d) was killed: stop them, or give "
            "this one a %s of its own",
            TEXT_CUT(use->path, 160), (int)holder, use->variable);
    if (is_no_node(holder, &uid))
        return error_set(
            error, ERROR_CONFLICT,
            "%.*s is kept locked by pid %d of uid %u, which is no posemesh-node: end that one, or "
            "give this one a %s of its own",
            TEXT_CUT(use->path, 160), (int)holder, (unsigned)uid, use->variable);
    folder_use_format_holder(holder, holder_text);
    return error_set(error, ERROR_CONFLICT,
                     "%.*s is used by another %s%s: stop that one, or give this one a %s of its own",
                     TEXT_CUT(use->path, 160), by, holder_text, use->variable);
}

static bool try(struct folder_locks *locks, const struct settings *settings, enum folder_id id,
                struct error *error)
{
    const struct folder_use use = folder_use_of(settings, id);
    pid_t holder;
    if (!folder_places_check(settings, locks->fds, id, error))
        return error_prefix(error, "%s", use.variable);
    return folder_lock_take(locks->fds[id], use.path, &holder, error) ||
           fail_used(&use, "posemesh-node", holder, error);
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

bool folder_locks_take(struct folder_locks *locks, const struct identities *identities,
                       const struct settings *settings, struct patience *patience, struct error *error)
{
    for (enum folder_id id = 0; id < FOLDER_LOCKED_COUNT; id++) {
        const struct folder_use use = folder_use_of(settings, id);
        uid_t uid = id == FOLDER_WORK ? identities->ids[SERVICE_STORED] : geteuid();
        locks->fds[id] = folders_open(identities, use.path, uid, error);
        if (locks->fds[id] < 0)
            return error_prefix(error, "%s", use.variable);
        while (!try(locks, settings, id, error))
            if (!patience_wait(patience, error))
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
