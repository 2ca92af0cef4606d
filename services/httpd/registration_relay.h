/* Passes what DDS says on to authd, and authd's answers back: httpd itself reads and keeps nothing of it. */
#ifndef HTTPD_REGISTRATION_RELAY_H
#define HTTPD_REGISTRATION_RELAY_H

#include "libcommon/service/service.h"

/* The hooks of main.c. */
service_step_function relay_open_inbound;
service_step_function relay_start;
void relay_stop(struct service_context *context);
void relay_describe(struct service_context *context, struct service_state *state);

#endif
