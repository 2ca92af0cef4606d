#include "libcommon/service/service_lock.h"

#include "libcommon/base/text.h"
#include "libcommon/files/folder.h"
#include "libcommon/files/folder_lock.h"
#include "libcommon/node/folder_use.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* `names` below the folder are made, one in the other, and the last is locked: NULL ends them. */
static bool lock_below(const struct folder_use *use, enum service_id service, const char *const *names,
                       struct error *error)
{
    char path[PATH_MAX];
    char holder_text[FOLDER_USE_HOLDER_BYTES];
    pid_t holder;
    size_t used = (size_t)snprintf(path, sizeof path, "%s", use->path);
    bool made = folder_make(path, S_IRWXU, error);
    for (; made && *names && used < sizeof path; names++) {
        used += (size_t)snprintf(path + used, sizeof path - used, "/%s", *names);
        made = folder_make(path, S_IRWXU, error);
    }
    if (!made)
        return error_prefix(error, "%s, as uid %u", use->variable, (unsigned)geteuid());
    int folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return error_set_errno(error, errno, "%s: cannot open %.*s", use->variable, TEXT_CUT(path, 200));
    /* The lock is kept for as long as the process is there: nobody closes it. */
    if (folder_lock_take(folder_fd, path, &holder, error))
        return true;
    close(folder_fd);
    folder_use_format_holder(holder, holder_text);
    return error_set(error, ERROR_CONFLICT,
                     "%.*s is used by another posemesh-%s%s: stop that one, or give this one a %s of its own",
                     TEXT_CUT(use->path, 160), service_name(service), holder_text, use->variable);
}

bool service_lock_take(enum service_id service, const struct settings *settings, bool alone,
                       struct error *error)
{
    for (enum folder_id id = 0; alone && id < FOLDER_COUNT; id++)
        if (!folder_use_check(settings, id, service, false, error))
            return false;
    const struct folder_use runtime = folder_use_of(settings, FOLDER_RUNTIME);
    const struct folder_use state = folder_use_of(settings, FOLDER_STATE);
    const struct folder_use work = folder_use_of(settings, FOLDER_WORK);
    const char *const socket[] = {service_name(service), "status", NULL};
    const char *const kept[] = {service_name(service), NULL};
    const char *const nothing[] = {NULL};
    if (!lock_below(&runtime, service, socket, error))
        return false;
    if (service != SERVICE_STORED)
        return true;
    return lock_below(&state, service, kept, error) && (!alone || lock_below(&work, service, nothing, error));
}
