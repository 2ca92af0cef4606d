#include "services/node/preflight.h"

#include "libcommon/base/log.h"
#include "libcommon/confine/environment.h"
#include "libcommon/files/folder_reach.h"
#include "libcommon/http/url.h"
#include "services/node/id_owners.h"
#include "services/node/service_reach.h"

#include <string.h>
#include <unistd.h>

static size_t log_fault(const struct error *error)
{
    log_error("%s", error->text);
    return 1;
}

static size_t look_at_settings(struct preflight *found, struct settings_findings *findings, bool people)
{
    struct environment environment;
    struct error error;
    if (!environment_open(&environment, environ, &error))
        return log_fault(&error);
    found->secrets_fd = environment.sealed_fd;
    settings_load(&found->settings, ALL_BITS, url_is_http, &environment, findings);
    settings_wipe_secrets(&found->settings);
    environment_close(&environment);
    if (!people)
        settings_configure_log(&found->settings, SERVICE_NODE);
    settings_log_findings(findings);
    return findings->faults.count;
}

static size_t look_at_identities(struct preflight *found, const struct settings_findings *findings)
{
    struct error error;
    uid_t own = geteuid();
    bool known = !settings_has_fault(findings, IDENTITIES_BASE_VARIABLE);
    identities_choose(&found->identities, known ? found->settings.uid_base : IDENTITIES_BASE_DEFAULT, own);
    if (!found->identities.separate)
        log_warn(
            "not started as root: all services run as uid %u, so nothing isolates the key from the others",
            (unsigned)own);
    if (!known || id_owners_check(&found->identities, &id_owners_system, &error))
        return 0;
    /* Whether folders are at fault is to be told all the same, as of users who have no rights there. */
    identities_choose(&found->identities, IDENTITIES_BASE_DEFAULT, own);
    return log_fault(&error);
}

/* As posemesh-node itself, which makes all but the runners' folder. */
static bool check_own(const struct folder_use *use, enum folder_id id, struct error *error)
{
    return id >= FOLDER_LOCKED_COUNT || folder_reach_check(use->path, FOLDER_NEED_WRITE, error) ||
           error_prefix(error, "%s: uid %u (posemesh-node)", use->variable, (unsigned)geteuid());
}

static bool check_folder(const struct preflight *found, enum folder_id id, struct error *error)
{
    const struct folder_use use = folder_use_of(&found->settings, id);
    return (id != FOLDER_RUNTIME || folder_use_check_length(&found->settings, error)) &&
           check_own(&use, id, error) && service_reach_check(&found->identities, &found->settings, id, error);
}

static size_t look_at_folders(struct preflight *found, const struct settings_findings *findings)
{
    struct error error;
    size_t faults = 0;
    for (enum folder_id id = 0; id < FOLDER_COUNT; id++) {
        bool told = settings_has_fault(findings, folder_use_of(&found->settings, id).variable);
        if (!told && check_folder(found, id, &error))
            continue;
        found->bad_folders |= 1U << id;
        if (!told)
            faults += log_fault(&error);
    }
    return faults;
}

size_t preflight_look(struct preflight *found, bool people)
{
    struct settings_findings findings;
    *found = (struct preflight){.secrets_fd = -1};
    size_t faults = look_at_settings(found, &findings, people);
    if (!found->settings.runtime_dir)
        return faults;
    faults += look_at_identities(found, &findings);
    return faults + look_at_folders(found, &findings);
}

void preflight_clear(struct preflight *found)
{
    settings_clear(&found->settings);
    if (found->secrets_fd >= 0)
        close(found->secrets_fd);
    found->secrets_fd = -1;
}
