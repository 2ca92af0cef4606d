/*
 * How a service is built: main.c fills a `struct service` and calls service_main(), which does the rest in
 * one order for all: config, log, loop, secrets, inbound listeners, uid, sandbox, start, sockets, stop.
 *
 * Every program has --health (asks its running self), --check-config, --version and --help.
 */
#ifndef LIBCOMMON_SERVICE_SERVICE_H
#define LIBCOMMON_SERVICE_SERVICE_H

#include "libcommon/base/error.h"
#include "libcommon/base/random.h"
#include "libcommon/confine/environment.h"
#include "libcommon/ipc/ipc.h"
#include "libcommon/loop/loop.h"
#include "libcommon/node/sandbox.h"
#include "libcommon/node/settings.h"
#include "libcommon/service/service_command.h"
#include "libcommon/service/service_http.h"

#include <stdbool.h>

/* What a service has once it runs. `state` is the service's own, set by its hooks. */
struct service_context {
    const struct service *service;
    struct settings settings;
    struct loop *loop;
    struct ipc *ipc;
    struct http_client *http; /* NULL for a service that calls nobody outside */
    struct random random;
    char sandbox[SANDBOX_TEXT_BYTES]; /* what is in force */
    void *state;
};

struct service_role {
    enum role role;
    const struct ipc_handler *handlers; /* handlers get the service_context as context */
    size_t handler_count;
};

struct service_event {
    enum event event;
    ipc_event_function *handle; /* gets the service_context as context */
};

/* How a service is, for --health and the status role. */
struct service_state {
    bool ready;
    char summary[ERROR_TEXT_BYTES];
    char *details; /* JSON of LIMIT_EVENT_BYTES at most, for programs; the caller frees it. NULL: none */
};

typedef bool service_step_function(struct service_context *context, struct error *error);

struct service {
    enum service_id id;
    const char *purpose;             /* one line for --help */
    const struct service_http *http; /* &service_http, or NULL for a service that calls nobody outside */
    bool publishes_events;
    const struct service_role *roles; /* the message tables; the status role is served for all */
    size_t role_count;
    const struct service_event *events; /* of other services, that this one listens to */
    size_t event_count;

    service_check_function *check; /* may be NULL */
    /* May be NULL: takes the settings' secrets, opens ports and files that only root may. */
    service_step_function *begin_as_root;
    service_step_function *start; /* loop, sockets and http client are there */
    /* May be NULL: SIGTERM; leads to service_stop() within 2 s. */
    void (*terminate)(struct service_context *context);
    void (*stop)(struct service_context *context); /* frees `state`; also after a start that failed */
    void (*describe)(struct service_context *context, struct service_state *state);
};

/* Returns one of service_command.h. */
int service_main(const struct service *service, int argc, char **argv);

/* Ends the loop; service_main() then stops the service and returns 0. */
void service_stop(struct service_context *context);

#endif
