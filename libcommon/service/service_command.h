/* The options that every service has: they ask or tell something and end. */
#ifndef LIBCOMMON_SERVICE_SERVICE_COMMAND_H
#define LIBCOMMON_SERVICE_SERVICE_COMMAND_H

#include "libcommon/service/service.h"

/* Returns false when there is no option and the service is to run; else true, with the exit status. */
bool service_command_run(const struct service *service, int argc, char **argv, int *status);

/*
 * Asks the running service of `runtime_dir` how it is. Returns whether it answered that it is ready; `text`
 * tells why not, or its summary. For --health and for posemesh-node.
 */
bool service_ask_status(enum service_id service, const char *runtime_dir, char text[ERROR_TEXT_BYTES]);

#endif
