/* The hooks of main.c. */
#ifndef RUNNERD_RUNNERD_H
#define RUNNERD_RUNNERD_H

#include "libcommon/service/service.h"

service_step_function runnerd_start;

/* Stops all jobs, tells leased so as far as 2 s allow, and leaves. */
void runnerd_terminate(struct service_context *context);

void runnerd_stop(struct service_context *context);
void runnerd_describe(struct service_context *context, struct service_state *state);

#endif
