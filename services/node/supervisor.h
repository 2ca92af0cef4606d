/*
 * Keeps the five services running: starts each, starts one that died again (with backoff), writes
 * <service>.pid into POSEMESH_RUNTIME_DIR, stops them in order.
 */
#ifndef NODE_SUPERVISOR_H
#define NODE_SUPERVISOR_H

#include "libcommon/base/error.h"
#include "libcommon/loop/loop.h"
#include "libcommon/node/folder_use.h"
#include "services/node/identities.h"

#include <stdbool.h>

struct supervisor;

struct supervisor_options {
    const struct settings *settings; /* borrowed */
    struct identities identities;
    const int *lock_fds; /* FOLDER_LOCKED_COUNT of them, handed to who uses the folder */
    int secrets_fd;      /* handed to authd alone */
    int listen_fd;       /* handed to httpd alone; -1: there is none */
};

/* Called once, when no service runs any more: `exit_status` 0 after supervisor_stop(), 78 when a service
 * found a fault in its configuration and the others were stopped for it. */
typedef void supervisor_done_function(void *context, int exit_status);

struct supervisor *supervisor_create(struct loop *loop, const struct supervisor_options *options,
                                     supervisor_done_function *on_done, void *context);

/* Kills what still runs. */
void supervisor_free(struct supervisor *supervisor);

/* Starts all. After a failure some may run: supervisor_free() kills them. */
bool supervisor_start(struct supervisor *supervisor, struct error *error);

/* Sends a signal to a service, where it runs. */
void supervisor_signal(const struct supervisor *supervisor, enum service_id service, int signal_number);

/* SIGTERM to one after the other, SIGKILL to who does not listen; then on_done. */
void supervisor_stop(struct supervisor *supervisor);

#endif
