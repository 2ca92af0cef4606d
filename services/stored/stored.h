/* What the service holds while it runs, and its hooks for libcommon/service/service.h. */
#ifndef STORED_STORED_H
#define STORED_STORED_H

#include "libcommon/service/service.h"
#include "services/stored/session/sessions.h"

#include <stdbool.h>

struct stored {
    struct service_context *context;
    char *client_id;
    struct upload_info_cache upload_infos;
    struct session_setup setup; /* what is there only once, and what sessions need of it */
    struct sessions *sessions;
    bool stopping;
    struct loop_timer stop_timer;
};

service_step_function stored_start;
void stored_terminate(struct service_context *context);
void stored_stop(struct service_context *context);
void stored_describe(struct service_context *context, struct service_state *state);

/* The message handlers of main.c's tables. */
ipc_handle_function stored_handle_session_open;
ipc_handle_function stored_handle_session_update;
ipc_handle_function stored_handle_session_cancel;
ipc_handle_function stored_handle_session_close;
ipc_handle_function stored_handle_sessions_close_others;
ipc_handle_function stored_handle_session_artifacts;
ipc_handle_function stored_handle_input_materialize;
ipc_handle_function stored_handle_artifact_put;
ipc_handle_function stored_handle_artifact_put_bytes;
ipc_handle_function stored_handle_artifact_open;
ipc_handle_function stored_handle_artifact_grow;
ipc_handle_function stored_handle_artifact_finish;

#endif
