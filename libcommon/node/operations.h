/*
 * Who may ask whom for what: the roles (one socket each) and the operations (a request and its answer). The
 * client side of every service is made from this table: call_<request>() sends a request of that type.
 */
#ifndef LIBCOMMON_NODE_OPERATIONS_H
#define LIBCOMMON_NODE_OPERATIONS_H

#include "libcommon/node/messages.h"
#include "libcommon/node/service_id.h"

/* clang-format off */

/* ROLE(name, owner, folder, callers, connections of one user): the socket is <POSEMESH_RUNTIME_DIR>/<owner>/<folder>/sock */
#define ROLES(ROLE) \
    ROLE(authd_token,    SERVICE_AUTHD,   "token",    LEASED_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(authd_callback, SERVICE_AUTHD,   "callback", HTTPD_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(leased_runner,  SERVICE_LEASED,  "runner",   RUNNERD_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(leased_control, SERVICE_LEASED,  "control",  NODE_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(stored_session, SERVICE_STORED,  "session",  LEASED_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(stored_runner,  SERVICE_STORED,  "runner",   RUNNERD_BIT, LIMIT_JOB_CONNECTIONS) \
    ROLE(authd_status,   SERVICE_AUTHD,   "status",   HTTPD_BIT | NODE_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(stored_status,  SERVICE_STORED,  "status",   HTTPD_BIT | NODE_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(leased_status,  SERVICE_LEASED,  "status",   HTTPD_BIT | NODE_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(httpd_status,   SERVICE_HTTPD,   "status",   HTTPD_BIT | NODE_BIT, LIMIT_PEER_CONNECTIONS) \
    ROLE(runnerd_status, SERVICE_RUNNERD, "status",   HTTPD_BIT | NODE_BIT, LIMIT_PEER_CONNECTIONS)

/*
 * OPERATION(request, answer, role, request limit, deadline_ms, what a repeat does)
 * nng delivers a request at least once, so the last column must have an answer. Deadline 0: as long as the caller waits.
 */
#define OPERATIONS(OPERATION) \
    OPERATION(token_get,         token,          authd_token,    LIMIT_SMALL_MESSAGE_BYTES, 60000, "gives the same token, or a newer one") \
    OPERATION(capabilities_set,  done,           authd_token,    256 * 1024,                5000,  "sets the same list") \
    OPERATION(inbound_listening, done,           authd_callback, LIMIT_SMALL_MESSAGE_BYTES, 5000,  "nothing") \
    OPERATION(callback_deliver,  callback_answer, authd_callback, LIMIT_CALLBACK_BODY_BYTES + 4096, 2000, "stores the same secret again") \
    OPERATION(health_check_seen, done,           authd_callback, LIMIT_SMALL_MESSAGE_BYTES, 5000,  "touches the same moment") \
    OPERATION(host_hello,        host_welcome,   leased_runner,  1024 * 1024,               5000,  "replaces the earlier hello") \
    OPERATION(host_next,         host_command,   leased_runner,  LIMIT_SMALL_MESSAGE_BYTES, 30000, "gives the same command until it is acknowledged") \
    OPERATION(task_progress,     done,           leased_runner,  LIMIT_PROGRESS_BYTES + 4096, 30000, "nothing: its sequence is known") \
    OPERATION(task_event,        done,           leased_runner,  LIMIT_EVENT_BYTES + 4096,  30000, "nothing: its sequence is known") \
    OPERATION(task_finish,       done,           leased_runner,  LIMIT_SMALL_MESSAGE_BYTES, 30000, "nothing: a task ends once") \
    OPERATION(drain_start,       done,           leased_control, LIMIT_SMALL_MESSAGE_BYTES, 5000,  "nothing, unless it hurries") \
    OPERATION(drain_wait,        drain_state,    leased_control, LIMIT_SMALL_MESSAGE_BYTES, 10000, "waits again") \
    OPERATION(session_open,      session_opened, stored_session, 256 * 1024,                10000, "gives the same workspace") \
    OPERATION(session_update,    done,           stored_session, 64 * 1024,                 10000, "sets the same token") \
    OPERATION(session_cancel,    done,           stored_session, 64 * 1024,                 10000, "nothing") \
    OPERATION(session_close,     done,           stored_session, 64 * 1024,                 60000, "nothing") \
    OPERATION(sessions_close_others, done,       stored_session, LIMIT_SMALL_MESSAGE_BYTES, 0,     "nothing") \
    OPERATION(session_artifacts, artifacts,      stored_session, 64 * 1024,                 10000, "gives the same list") \
    OPERATION(input_materialize, input,          stored_runner,  64 * 1024,                 0,     "gives the same files") \
    OPERATION(artifact_put,      artifact,       stored_runner,  64 * 1024,                 0,     "joins the upload in progress; a file that is stored as it is, is not sent again") \
    OPERATION(artifact_open,     done,           stored_runner,  64 * 1024,                 30000, "nothing: the stream is known") \
    OPERATION(artifact_grow,     done,           stored_runner,  LIMIT_SMALL_MESSAGE_BYTES, 30000, "nothing: a stream does not shrink") \
    OPERATION(artifact_finish,   artifact,       stored_runner,  LIMIT_SMALL_MESSAGE_BYTES, 0,     "waits for the same end") \
    OPERATION(artifact_put_bytes, artifact,      stored_runner,  LIMIT_INLINE_BYTES + LIMIT_SMALL_MESSAGE_BYTES, 0, "as artifact_put") \
    OPERATION(status_get,        status,         every_status,   LIMIT_SMALL_MESSAGE_BYTES, 2000,  "nothing")

/* EVENT(message, publisher): on <POSEMESH_RUNTIME_DIR>/<publisher>/events/sock, for whoever the folder lets in */
#define EVENTS(EVENT) \
    EVENT(domain_token_wanted, SERVICE_STORED) \
    EVENT(transfer_progress,   SERVICE_STORED) \
    EVENT(workspace_overrun,   SERVICE_STORED)

/* COMMAND(action, what the runner host does): what a host_command asks for */
#define COMMANDS(COMMAND) \
    COMMAND(start,  "runs a job for the task, unless it has one") \
    COMMAND(cancel, "stops the task's job, if there is one")

/* clang-format on */

enum role {
#define ROLE_ENUM(name, ...) ROLE_##name,
    ROLES(ROLE_ENUM)
#undef ROLE_ENUM
        ROLE_COUNT,
    ROLE_every_status = ROLE_COUNT
};

enum operation {
#define OPERATION_ENUM(request, ...) OPERATION_##request,
    OPERATIONS(OPERATION_ENUM)
#undef OPERATION_ENUM
        OPERATION_COUNT
};

enum event {
#define EVENT_ENUM(message, ...) EVENT_##message,
    EVENTS(EVENT_ENUM)
#undef EVENT_ENUM
        EVENT_COUNT
};

enum command {
#define COMMAND_ENUM(action, ...) COMMAND_##action,
    COMMANDS(COMMAND_ENUM)
#undef COMMAND_ENUM
        COMMAND_COUNT
};

struct role_info {
    enum service_id owner;
    const char *folder;
    unsigned callers;       /* bits of services */
    size_t connections_max; /* of one user */
};

struct operation_info {
    const char *name;
    const struct message_type *request;
    const struct message_type *answer;
    enum role role;
    size_t request_limit_bytes;
    int64_t deadline_ms;
    const char *on_repeat;
};

struct event_info {
    const struct message_type *message;
    enum service_id publisher;
};

struct command_info {
    const char *action; /* as in a host_command */
    const char *meaning;
};

extern const struct role_info role_infos[ROLE_COUNT];
extern const struct operation_info operation_infos[OPERATION_COUNT];
extern const struct event_info event_infos[EVENT_COUNT];
extern const struct command_info command_infos[COMMAND_COUNT];

/* The status role of a service. */
enum role role_status_of(enum service_id service);

#endif
