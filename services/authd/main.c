/*
 * posemesh-authd: registers the node at DDS, logs in with its wallet or its robot's credentials and hands out
 * access tokens.
 *
 * SECURITY: the only process that holds the wallet's key and the registration credentials. It signs what it
 * composed itself and nothing else, talks to the origin of DDS_BASE_URL alone, and gives out nothing but
 * access tokens, to leased.
 */
#include "libcommon/service/service.h"
#include "services/authd/authd.h"

static const struct ipc_handler token_handlers[] = {
    {OPERATION_token_get, authd_handle_token_get},
    {OPERATION_capabilities_set, authd_handle_capabilities_set},
};

static const struct ipc_handler callback_handlers[] = {
    {OPERATION_inbound_listening, authd_handle_inbound_listening},
    {OPERATION_callback_deliver, authd_handle_callback_deliver},
    {OPERATION_health_check_seen, authd_handle_health_check_seen},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct service_role roles[] = {
    {ROLE_authd_token, token_handlers, COUNT(token_handlers)},
    {ROLE_authd_callback, callback_handlers, COUNT(callback_handlers)},
};

static const struct service authd = {
    .id = SERVICE_AUTHD,
    .purpose = "Registers the node at DDS, logs in there and hands out access tokens.",
    .http = &service_http,
    .roles = roles,
    .role_count = COUNT(roles),
    .begin_as_root = authd_take_secrets,
    .start = authd_start,
    .stop = authd_stop,
    .describe = authd_describe,
};

int main(int argc, char **argv)
{
    return service_main(&authd, argc, argv);
}
