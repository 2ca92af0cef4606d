#include "libcommon/node/operations.h"

#define ROLE_ROW(name, owner, folder, callers, connections)                                                  \
    [ROLE_##name] = {owner, folder, callers, connections},
const struct role_info role_infos[ROLE_COUNT] = {ROLES(ROLE_ROW)};

#define OPERATION_ROW(request, answer, role, limit, deadline_ms, on_repeat)                                  \
    [OPERATION_##request] = {#request,    &message_##request##_type, &message_##answer##_type,               \
                             ROLE_##role, (size_t)(limit),           deadline_ms,                            \
                             on_repeat},
const struct operation_info operation_infos[OPERATION_COUNT] = {OPERATIONS(OPERATION_ROW)};

#define EVENT_ROW(message, publisher) [EVENT_##message] = {&message_##message##_type, publisher},
const struct event_info event_infos[EVENT_COUNT] = {EVENTS(EVENT_ROW)};

#define COMMAND_ROW(action, meaning) [COMMAND_##action] = {#action, meaning},
const struct command_info command_infos[COMMAND_COUNT] = {COMMANDS(COMMAND_ROW)};

enum role role_status_of(enum service_id service)
{
    static const enum role roles[SERVICE_COUNT] = {
        [SERVICE_AUTHD] = ROLE_authd_status,     [SERVICE_STORED] = ROLE_stored_status,
        [SERVICE_LEASED] = ROLE_leased_status,   [SERVICE_HTTPD] = ROLE_httpd_status,
        [SERVICE_RUNNERD] = ROLE_runnerd_status,
    };
    return roles[service];
}
