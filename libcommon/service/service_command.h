/* The options that every service has: they ask or tell something and end; and how our programs end. */
#ifndef LIBCOMMON_SERVICE_SERVICE_COMMAND_H
#define LIBCOMMON_SERVICE_SERVICE_COMMAND_H

#include "libcommon/base/usage.h"
#include "libcommon/node/settings.h"

enum {
    SERVICE_EXIT_OK = 0, /* stopped on request */
    SERVICE_EXIT_FAILED = 1,
    SERVICE_EXIT_USAGE = USAGE_EXIT,
    SERVICE_EXIT_CONFIG = 78 /* a fault in the configuration (EX_CONFIG) */
};

/* Set by posemesh-node in what it starts: its pid. */
#define SERVICE_SUPERVISOR_VARIABLE "POSEMESH_SUPERVISOR_PID"

/* For --check-config, as the user that the service runs as: what it reads beside its settings. Tells every
 * fault in the log; false when there is one. */
typedef bool service_check_function(const struct settings *settings);

/* Returns false when there is no option and the service is to run; else true, with the exit status. `purpose`
 * is one line for --help, `is_url` as of settings_load(), `check` may be NULL. */
bool service_command_run(enum service_id service, const char *purpose, settings_url_check *is_url,
                         service_check_function *check, int argc, char **argv, int *status);

#endif
