#include "libcommon/confine/privileges.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool parse_id(const char **text, char separator, unsigned *id)
{
    char *end = NULL;
    unsigned long value = strtoul(*text, &end, 10);
    /* strtoul would also take a sign and white space. */
    if (**text < '0' || **text > '9' || value >= (uid_t)-1 || (*end && *end != separator))
        return false;
    *id = (unsigned)value;
    *text = *end ? end + 1 : end;
    return true;
}

bool privileges_parse(const char *text, struct privileges *privileges, struct error *error)
{
    const char *rest = text;
    *privileges = (struct privileges){.group_count = 0};
    bool ok = parse_id(&rest, ':', &privileges->uid) && parse_id(&rest, ',', &privileges->gid);
    while (ok && *rest) {
        ok = privileges->group_count < PRIVILEGES_GROUPS_MAX &&
             parse_id(&rest, ',', &privileges->groups[privileges->group_count]);
        privileges->group_count++;
    }
    if (!ok)
        return error_set(error, ERROR_INVALID, PRIVILEGES_VARIABLE " is '%s', expected uid:gid[,gid...]",
                         text);
    return true;
}

bool privileges_drop(const struct privileges *privileges, struct error *error)
{
    if (setgroups(privileges->group_count, privileges->groups) != 0 ||
        setresgid(privileges->gid, privileges->gid, privileges->gid) != 0 ||
        setresuid(privileges->uid, privileges->uid, privileges->uid) != 0)
        return error_set_errno(error, errno, "cannot become uid %u", (unsigned)privileges->uid);
    if (privileges->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
        return error_set(error, ERROR_SYSTEM, "root can be had back after becoming uid %u",
                         (unsigned)privileges->uid);
    return true;
}

bool privileges_harden(struct error *error)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "cannot forbid core files and new privileges");
#ifndef __SANITIZE_ADDRESS__
    /* The leak check of sanitizer builds attaches to its own process, which this forbids. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_set_errno(error, errno, "cannot make the process undumpable");
#endif
    return true;
}

void privileges_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
