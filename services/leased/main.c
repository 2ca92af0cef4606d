/*
 * posemesh-leased: leases tasks from DMS, keeps them alive with heartbeats, hands them to runner hosts and
 * reports their end.
 *
 * SECURITY: holds DMS access tokens (asked from authd for each request) and the leases' domain tokens; no
 * key. Talks to DMS_BASE_URL. Runner hosts and jobs can name only tasks whose random key they hold.
 */
#include "libcommon/service/service.h"
#include "services/leased/leased.h"

static const struct ipc_handler runner_handlers[] = {
    {OPERATION_host_hello, leased_handle_host_hello},       {OPERATION_host_next, leased_handle_host_next},
    {OPERATION_task_progress, leased_handle_task_progress}, {OPERATION_task_event, leased_handle_task_event},
    {OPERATION_task_finish, leased_handle_task_finish},
};

static const struct ipc_handler control_handlers[] = {
    {OPERATION_drain_start, leased_handle_drain_start},
    {OPERATION_drain_wait, leased_handle_drain_wait},
};

static const struct service_event events[] = {
    {EVENT_domain_token_wanted, leased_handle_domain_token_wanted},
    {EVENT_workspace_overrun, leased_handle_workspace_overrun},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct service_role roles[] = {
    {ROLE_leased_runner, runner_handlers, COUNT(runner_handlers)},
    {ROLE_leased_control, control_handlers, COUNT(control_handlers)},
};

static const struct service leased = {
    .id = SERVICE_LEASED,
    .purpose = "Leases tasks from DMS, has runner hosts run them and reports their end.",
    .http = &service_http,
    .roles = roles,
    .role_count = COUNT(roles),
    .events = events,
    .event_count = COUNT(events),
    .start = leased_start,
    .stop = leased_stop,
    .describe = leased_describe,
};

int main(int argc, char **argv)
{
    return service_main(&leased, argc, argv);
}
