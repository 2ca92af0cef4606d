#include "services/node/preflight.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/confine/environment.h"
#include "libcommon/files/folder_reach.h"
#include "libcommon/http/url.h"
#include "libcommon/node/folder_use.h"
#include "services/node/id_owners.h"
#include "services/node/service_reach.h"

#include <stdlib.h>
#include <unistd.h>

static bool fail(size_t faults, const char *what, struct error *error)
{
    return error_set(error, ERROR_INVALID, "nothing was started: %zu fault%s in the %s", faults,
                     faults == 1 ? "" : "s", what);
}

bool preflight_settings(struct settings *settings, int *secrets_fd, bool people, struct error *error)
{
    struct environment environment;
    struct settings_findings findings;
    if (!environment_open(&environment, environ, error))
        return false;
    *secrets_fd = environment.sealed_fd;
    bool ok = settings_load(settings, ALL_BITS, url_is_http, &environment, &findings);
    settings_wipe_secrets(settings);
    environment_close(&environment);
    if (!people)
        settings_configure_log(settings, SERVICE_NODE);
    settings_log_findings(&findings);
    return ok || fail(findings.faults.count, "configuration", error);
}

bool preflight_identities(struct identities *identities, struct error *error)
{
    if (!identities_choose(identities, getenv(IDENTITIES_BASE_VARIABLE), geteuid(), error) ||
        !id_owners_check(identities, &id_owners_system, error))
        return false;
    if (!identities->separate)
        log_warn(
            "not started as root: all services run as uid %u, so nothing isolates the key from the others",
            (unsigned)geteuid());
    return true;
}

/* As posemesh-node itself, which makes all but the runners' folder. */
static bool check_own(const struct settings *settings, enum folder_id id, struct error *error)
{
    const struct folder_use use = folder_use_of(settings, id);
    /* One that is no path was a fault of the settings. */
    return id >= FOLDER_LOCKED_COUNT || *use.path != '/' ||
           folder_reach_check(use.path, FOLDER_NEED_WRITE, error) ||
           error_prefix(error, "%s: uid %u (posemesh-node)", use.variable, (unsigned)geteuid());
}

bool preflight_folders(const struct identities *identities, const struct settings *settings,
                       struct error *error)
{
    size_t faults = 0;
    if (!folder_use_check_length(settings, error)) {
        log_error("%s", error->text);
        faults++;
    }
    for (enum folder_id id = 0; id < FOLDER_COUNT; id++) {
        if (check_own(settings, id, error) && service_reach_check(identities, settings, id, error))
            continue;
        log_error("%s", error->text);
        faults++;
    }
    return !faults || fail(faults, "folders", error);
}

bool preflight_fail_port(struct error *error)
{
    const struct error reason = *error;
    return error_set(error, reason.code,
                     "%s (uid %u). Stop the program that has the port, or set HTTP_LISTEN to another",
                     reason.text, (unsigned)geteuid());
}
