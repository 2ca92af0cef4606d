#include "services/node/id_owners.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

/* "Nobody has it" comes with any of these, says getpwuid(3). */
static bool is_failure(int reason)
{
    return reason && reason != ENOENT && reason != ESRCH && reason != EBADF && reason != EPERM;
}

static const char *user_of(unsigned id)
{
    /* cppcheck-suppress getpwuidCalled; there are no threads yet */
    const struct passwd *entry = getpwuid(id);
    return entry ? entry->pw_name : NULL;
}

static const char *group_of(unsigned id)
{
    /* cppcheck-suppress getgrgidCalled; as above */
    const struct group *entry = getgrgid(id);
    return entry ? entry->gr_name : NULL;
}

const struct id_owners id_owners_system = {.user = user_of, .group = group_of};

static bool check(unsigned id, id_owner_function *owner, const char *kind, const char *kind_of_id,
                  const struct identities *identities, struct error *error)
{
    static const char ours[] = "posemesh";
    errno = 0;
    const char *name = owner(id);
    int reason = errno;
    /* Where a directory service is down, the machine's own users are known all the same: the node starts. */
    if (!name && is_failure(reason))
        log_warn("cannot find out whether %s %u is somebody's (%s): make sure that it is nobody's",
                 kind_of_id, id, strerror(reason));
    if (!name || strncmp(name, ours, sizeof ours - 1) == 0)
        return true;
    return error_set(error, ERROR_INVALID,
                     IDENTITIES_BASE_VARIABLE
                     " is %u, but %s %u is the %s %.*s: choose a number that belongs to no user and "
                     "no group, nor do the %d behind it",
                     (unsigned)identities->shared_gid, kind_of_id, id, kind, TEXT_CUT(name, 64),
                     SERVICE_COUNT);
}

bool id_owners_check(const struct identities *identities, const struct id_owners *owners, struct error *error)
{
    unsigned gid = (unsigned)identities->shared_gid;
    if (!identities->separate)
        return true;
    if (!check(gid, owners->group, "group", "gid", identities, error))
        return false;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++) {
        unsigned own = (unsigned)identities->ids[id];
        if (!check(own, owners->user, "user", "uid", identities, error) ||
            !check(own, owners->group, "group", "gid", identities, error))
            return false;
    }
    return true;
}
