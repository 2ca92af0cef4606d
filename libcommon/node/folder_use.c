#include "libcommon/node/folder_use.h"

#include "libcommon/base/text.h"
#include "libcommon/files/folder_reach.h"
#include "libcommon/node/operations.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct folder_use folder_use_of(const struct settings *settings, enum folder_id id)
{
    const struct folder_use uses[FOLDER_COUNT] = {
        [FOLDER_RUNTIME] = {"POSEMESH_RUNTIME_DIR", settings->runtime_dir, ALL_BITS},
        [FOLDER_STATE] = {"POSEMESH_STATE_DIR", settings->state_dir, STORED_BIT},
        [FOLDER_WORK] = {"POSEMESH_WORK_DIR", settings->work_dir, STORED_BIT | RUNNERD_BIT},
        [FOLDER_RUNNERS] = {"POSEMESH_RUNNERS_DIR", settings->runners_dir, RUNNERD_BIT}};
    return uses[id];
}

/* Who starts a service by itself has made what is above its own folder, or lets it make that. */
static bool check_own(const char *path, enum folder_id id, enum service_id service, struct error *error)
{
    char own[2 * PATH_MAX];
    const char *below = id == FOLDER_RUNTIME ? "/status" : "";
    if (id == FOLDER_WORK)
        return folder_reach_check(path, service == SERVICE_STORED ? FOLDER_NEED_WRITE : FOLDER_NEED_READ,
                                  error);
    snprintf(own, sizeof own, "%s/%s%s", path, service_name(service), below);
    return folder_reach_check(own, FOLDER_NEED_WRITE, error);
}

/* What posemesh-node's folder lies in, if that is the runtime or the state folder and its own, too: that
 * still gets the mode that it needs, whatever an older start left. */
static const char *way_to(const struct settings *settings, enum folder_id id)
{
    const char *path = folder_use_of(settings, id).path;
    for (enum folder_id above = FOLDER_RUNTIME; above <= FOLDER_STATE; above++) {
        const char *other = folder_use_of(settings, above).path;
        size_t length = other ? strlen(other) : 0;
        struct stat status;
        while (length > 1 && other[length - 1] == '/')
            length--;
        if (above != id && length > 1 && strncmp(path, other, length) == 0 && path[length] == '/' &&
            lstat(other, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == 0 &&
            !(status.st_mode & S_IXOTH))
            return other;
    }
    return NULL;
}

void folder_use_format_holder(pid_t holder, char out[FOLDER_USE_HOLDER_BYTES])
{
    out[0] = '\0';
    if (holder > 0)
        snprintf(out, FOLDER_USE_HOLDER_BYTES, ", pid %d", (int)holder);
}

bool folder_use_check(const struct settings *settings, enum folder_id id, enum service_id service,
                      bool is_made, struct error *error)
{
    const struct folder_use use = folder_use_of(settings, id);
    /* One that is no path was a fault of the settings. */
    if (!use.path || *use.path != '/' || !(use.users & (1U << service)))
        return true;
    const char *other = is_made ? way_to(settings, id) : NULL;
    bool ok = other                  ? folder_reach_check(other, FOLDER_NEED_WAY, error)
              : id == FOLDER_RUNNERS ? folder_reach_check(use.path, FOLDER_NEED_READ, error)
              : is_made              ? folder_reach_check(use.path, FOLDER_NEED_WAY, error)
                                     : check_own(use.path, id, service, error);
    return ok ||
           error_prefix(error, "%s: uid %u (%s)", use.variable, (unsigned)geteuid(), service_name(service));
}

bool folder_use_check_length(const struct settings *settings, struct error *error)
{
    enum { ROOM = sizeof((struct sockaddr_un *)0)->sun_path };
    size_t longest = 0;
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        size_t length = strlen(service_name(role_infos[i].owner)) + strlen(role_infos[i].folder);
        longest = length > longest ? length : longest;
    }
    size_t most = ROOM - sizeof "///sock" - longest;
    if (strlen(settings->runtime_dir) <= most)
        return true;
    return error_set(
        error, ERROR_TOO_LARGE,
        "POSEMESH_RUNTIME_DIR is %.*s, which has %zu bytes: a socket's path leaves it %zu. Choose "
        "a shorter one",
        TEXT_CUT(settings->runtime_dir, 200), strlen(settings->runtime_dir), most);
}
