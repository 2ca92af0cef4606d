/*
 * authd's state and the hooks and handlers of main.c. Two drivers turn two pure state machines: the registrar
 * keeps the node registered, the login keeps an access token at hand. Neither knows the other: authd.c stands
 * between them and passes on what each has to tell. All run on the loop's thread.
 */
#ifndef AUTHD_AUTHD_H
#define AUTHD_AUTHD_H

#include "libcommon/service/service.h"
#include "services/authd/dds/dds_flow.h"
#include "services/authd/wallet/wallet.h"

struct registrar;
struct login;

struct authd {
    struct service_context *service;
    const struct dds_flow *flow;
    struct wallet *wallet;         /* NULL in the robot flow */
    struct secret credentials;     /* REG_SECRET, in the robot flow ROBOT_REGISTRATION_CREDENTIALS */
    struct secret callback_secret; /* of the last callback; empty: none came */
    char *node_url;                /* normalised; NULL where DDS does not call back */
    char *node_url_shown;          /* to people: without its path, which may be a secret (NODE_URL_PATH) */
    char *version;
    struct dds_client dds;
    struct registrar *registrar;
    struct login *login;
};

/* The hooks of main.c. */
service_step_function authd_take_secrets;
service_step_function authd_start;
void authd_stop(struct service_context *context);
void authd_describe(struct service_context *context, struct service_state *state);

/* The message handlers of main.c's tables. */
ipc_handle_function authd_handle_token_get;
ipc_handle_function authd_handle_capabilities_set;
ipc_handle_function authd_handle_inbound_listening;
ipc_handle_function authd_handle_callback_deliver;
ipc_handle_function authd_handle_health_check_seen;

#endif
