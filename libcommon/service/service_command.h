/* The options that every service has: they ask or tell something and end. */
#ifndef LIBCOMMON_SERVICE_SERVICE_COMMAND_H
#define LIBCOMMON_SERVICE_SERVICE_COMMAND_H

#include "libcommon/node/settings.h"

struct service_command {
    enum service_id service;
    const char *purpose;        /* one line for --help */
    settings_url_check *is_url; /* as of settings_load() */
};

/* Returns false when there is no option and the service is to run; else true, with the exit status. */
bool service_command_run(const struct service_command *command, int argc, char **argv, int *status);

#endif
