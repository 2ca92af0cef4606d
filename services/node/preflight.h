/* What can be found out before anything is made or started: that the start can never succeed. */
#ifndef NODE_PREFLIGHT_H
#define NODE_PREFLIGHT_H

#include "libcommon/node/settings.h"
#include "services/node/identities.h"

#include <stdbool.h>

/* The union of what all services read, and `*secrets_fd`, where sealed secrets are, or -1. The secrets are
 * looked at and wiped again. Findings are logged, for `people` in text whatever LOG_FORMAT says. In any case
 * the caller ends with settings_clear(). */
bool preflight_settings(struct settings *settings, int *secrets_fd, bool people, struct error *error);

/* Who the services are. */
bool preflight_identities(struct identities *identities, struct error *error);

/* Logs a sentence for each folder that posemesh-node or a service will not be able to use. */
bool preflight_folders(const struct identities *identities, const struct settings *settings,
                       struct error *error);

/* Adds uid and remedy to why HTTP_LISTEN's socket is not to be had. Returns false. */
bool preflight_fail_port(struct error *error);

#endif
