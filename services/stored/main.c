/*
 * posemesh-stored: the only process that talks to domain servers. It fetches inputs into workspaces and
 * stores artifacts, with the token of each lease.
 */
#include "libcommon/service/service.h"
#include "services/stored/handlers.h"
#include "services/stored/stored.h"

int main(int argc, char **argv)
{
    const struct service_role roles[] = {
        {ROLE_stored_session, session_handlers, session_handler_count},
        {ROLE_stored_runner, runner_handlers, runner_handler_count},
    };
    const struct service service = {
        .id = SERVICE_STORED,
        .purpose = "inputs and artifacts: talks to domain servers",
        .http = &service_http,
        .publishes_events = true,
        .roles = roles,
        .role_count = sizeof roles / sizeof roles[0],
        .start = stored_start,
        .terminate = stored_terminate,
        .stop = stored_stop,
        .describe = stored_describe,
    };
    return service_main(&service, argc, argv);
}
