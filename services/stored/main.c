/*
 * posemesh-stored: the only process that talks to domain servers. It fetches inputs into workspaces and
 * stores artifacts, with the token of each lease.
 */
#include "libcommon/service/service.h"
#include "services/stored/stored.h"

static const struct ipc_handler session_handlers[] = {
    {OPERATION_session_open, stored_handle_session_open},
    {OPERATION_session_update, stored_handle_session_update},
    {OPERATION_session_cancel, stored_handle_session_cancel},
    {OPERATION_session_close, stored_handle_session_close},
    {OPERATION_sessions_close_others, stored_handle_sessions_close_others},
    {OPERATION_session_artifacts, stored_handle_session_artifacts},
};

static const struct ipc_handler runner_handlers[] = {
    {OPERATION_input_materialize, stored_handle_input_materialize},
    {OPERATION_artifact_put, stored_handle_artifact_put},
    {OPERATION_artifact_put_bytes, stored_handle_artifact_put_bytes},
    {OPERATION_artifact_open, stored_handle_artifact_open},
    {OPERATION_artifact_grow, stored_handle_artifact_grow},
    {OPERATION_artifact_finish, stored_handle_artifact_finish},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct service_role roles[] = {
    {ROLE_stored_session, session_handlers, COUNT(session_handlers)},
    {ROLE_stored_runner, runner_handlers, COUNT(runner_handlers)},
};

static const struct service stored = {
    .id = SERVICE_STORED,
    .purpose = "Fetches inputs from domain servers, and uploads artifacts to them.",
    .http = &service_http,
    .publishes_events = true,
    .roles = roles,
    .role_count = COUNT(roles),
    .start = stored_start,
    .terminate = stored_terminate,
    .stop = stored_stop,
    .describe = stored_describe,
};

int main(int argc, char **argv)
{
    return service_main(&stored, argc, argv);
}
