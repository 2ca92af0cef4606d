/* The hooks and handlers of main.c. */
#ifndef RUNNERD_RUNNERD_H
#define RUNNERD_RUNNERD_H

#include "libcommon/service/service.h"
#include "services/runnerd/host/host_link.h"

/* Makes the service's state, with the program that jobs run below. */
service_step_function runnerd_open_shim;

/* `handlers` is borrowed. */
bool runnerd_start(struct service_context *context, host_command_function *const handlers[COMMAND_COUNT],
                   struct error *error);

/* `context` is the service's state. */
host_command_function runnerd_handle_start;
host_command_function runnerd_handle_cancel;

/* Stops all jobs, tells leased so as far as 2 s allow, and leaves. */
void runnerd_terminate(struct service_context *context);

/* For --check-config: the runner files, and their programs. */
service_check_function runnerd_check;

void runnerd_stop(struct service_context *context);
void runnerd_describe(struct service_context *context, struct service_state *state);

#endif
