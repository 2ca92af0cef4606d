/*
 * Every message between the processes, defined once. Adding a field is one line here; the struct, codec,
 * limits, log form and docs/protocol.md follow (`cmake --build <build> --target protocol-document` writes the
 * document anew).
 *
 *   FIELD(kind, name, required|optional, limit, record, meaning)
 *   MESSAGE(name, meaning): struct message_<name>, and message_<name>_type describes it
 */
#ifndef LIBCOMMON_NODE_MESSAGES_H
#define LIBCOMMON_NODE_MESSAGES_H

#include "libcommon/base/limits.h"
#include "libcommon/message/message_define.h"

/* clang-format off */

/* ---- answers that any request may get, and what every service can be asked ---- */

#define FIELDS_done(FIELD)

#define FIELDS_failure(FIELD) \
    FIELD(text,    code,   required, 64, none, "error code of libcommon/base/error.h") \
    FIELD(text,    text,   required, LIMIT_REASON_BYTES, none, "a sentence for people") \
    FIELD(integer, status, optional, 0, none, "HTTP status behind the error")

#define FIELDS_status_get(FIELD)

#define FIELDS_status(FIELD) \
    FIELD(text,    service, required, 32, none, "who answers") \
    FIELD(text,    version, required, 64, none, "the program's version") \
    FIELD(integer, pid,     required, 0, none, "its process id") \
    FIELD(boolean, ready,   required, 0, none, "whether it can do its work") \
    FIELD(text,    summary, required, LIMIT_REASON_BYTES, none, "its state, for people") \
    FIELD(json,    details, optional, LIMIT_EVENT_BYTES, none, "its state, for programs") \
    FIELD(text,    sandbox, optional, 256, none, "how it is confined, for people")

/* ---- authd: tokens and capabilities (caller: leased) ---- */

#define FIELDS_token_get(FIELD) \
    FIELD(integer, refused_token, optional, 0, none, "number of a token that DMS answered 401: it is given to nobody again") \
    FIELD(boolean, at_once, optional, 0, none, "where there is no token, do not wait for one: fail with conflict and the sentence that says why")

#define FIELDS_token(FIELD) \
    FIELD(secret,  access_token,       required, LIMIT_TOKEN_BYTES, none, "the SIWE access token") \
    FIELD(integer, token_number,       required, 0, none, "names this token in token_get.refused_token") \
    FIELD(integer, expires_at_unix_ms, required, 0, none, "always in the future")

#define FIELDS_capabilities_set(FIELD) \
    FIELD(texts,   capabilities, required, LIMIT_NAME_BYTES, none, "of the runner hosts connected now, sorted; empty: none")

/* ---- authd: what httpd heard from DDS (caller: httpd) ---- */

#define FIELDS_inbound_listening(FIELD)

#define FIELDS_callback_deliver(FIELD) \
    FIELD(secret,  body,         required, LIMIT_CALLBACK_BODY_BYTES, none, "of DDS's request, unread") \
    FIELD(text,    content_type, optional, LIMIT_NAME_BYTES, none, "of DDS's request")

#define FIELDS_callback_answer(FIELD) \
    FIELD(integer, status, required, 0, none, "HTTP status to answer") \
    FIELD(text,    body,   required, LIMIT_REASON_BYTES, none, "body to answer")

#define FIELDS_health_check_seen(FIELD)

/* ---- leased: runner hosts and their jobs (callers: runnerd, jobs) ---- */

#define FIELDS_capability(FIELD) \
    FIELD(text,    name,            required, LIMIT_NAME_BYTES, none, "the capability") \
    FIELD(integer, max_concurrency, required, 0, none, "jobs of it at once")

#define FIELDS_host_hello(FIELD) \
    FIELD(text,    host_id,      required, 64, none, "random, new for each start of the host") \
    FIELD(text,    host_name,    required, LIMIT_HOST_NAME_BYTES, none, "the same for each start: a new host_id replaces the one before") \
    FIELD(records, capabilities, required, LIMIT_RUNNER_CAPABILITIES, capability, "what it can run") \
    FIELD(texts,   running,      optional, 64, none, "keys of the tasks whose jobs it runs now") \
    FIELD(text,    why_nothing,  optional, LIMIT_REASON_BYTES, none, "why it can run nothing, for people")

#define FIELDS_host_welcome(FIELD) \
    FIELD(texts,   expected, optional, 64, none, "keys of the tasks that leased believes to run there; the host stops others")

#define FIELDS_host_next(FIELD) \
    FIELD(text,    host_id,      required, 64, none, "as in host_hello") \
    FIELD(integer, acknowledged, required, 0, none, "sequence of the last command received; it is not sent again")

#define FIELDS_host_command(FIELD) \
    FIELD(integer, sequence,   required, 0, none, "counts a host's commands; 0 when nothing came up in time") \
    FIELD(text,    action,     required, 16, none, "none, start or cancel") \
    FIELD(secret,  task_key,   optional, 64, none, "names the task in every call about it") \
    FIELD(text,    task_id,    optional, 64, none, "start: names workspace and artifacts") \
    FIELD(text,    job_id,     optional, 64, none, "start") \
    FIELD(text,    domain_id,  optional, 64, none, "start") \
    FIELD(text,    capability, optional, LIMIT_NAME_BYTES, none, "start") \
    FIELD(json,    task,       optional, LIMIT_LEASE_ANSWER_BYTES, none, "start: the lease's task as it came, without tokens") \
    FIELD(texts,   inputs,     optional, LIMIT_URL_BYTES, none, "start: the CIDs to materialise") \
    FIELD(text,    workspace,  optional, LIMIT_NAME_BYTES, none, "start: the task's folder") \
    FIELD(text,    reason,     optional, LIMIT_REASON_BYTES, none, "cancel: why") \
    FIELD(integer, grace_ms,   optional, 0, none, "cancel: from SIGTERM to SIGKILL, where the lease leaves less than is usual; 0: the usual")

#define FIELDS_task_progress(FIELD) \
    FIELD(secret,  task_key, required, 64, none, "of the task") \
    FIELD(integer, sequence, required, 0, none, "counts the task's progress and events; an older one changes nothing") \
    FIELD(json,    progress, required, LIMIT_PROGRESS_BYTES, none, "replaces the progress before")

#define FIELDS_task_event(FIELD) \
    FIELD(secret,  task_key, required, 64, none, "of the task") \
    FIELD(integer, sequence, required, 0, none, "as in task_progress: a repeated event is held once") \
    FIELD(json,    event,    required, LIMIT_EVENT_BYTES, none, "appended to the task's events")

#define FIELDS_task_finish(FIELD) \
    FIELD(secret,  task_key,  required, 64, none, "of the task") \
    FIELD(boolean, succeeded, required, 0, none, "whether the artifacts are stored and the job did its work") \
    FIELD(text,    reason,    optional, LIMIT_REASON_BYTES, none, "why it failed") \
    FIELD(integer, ran_ms,    optional, 0, none, "from its program's start to its end, at least 1; 0, or longer than since its start command: not told")

/* ---- leased: operators (callers: posemesh-node, operators) ---- */

#define FIELDS_drain_start(FIELD) \
    FIELD(boolean, hurry, optional, 0, none, "cancel running jobs now instead of after DRAIN_GRACE_SECS")

#define FIELDS_drain_wait(FIELD)

#define FIELDS_drain_state(FIELD) \
    FIELD(boolean, drained, required, 0, none, "no lease is held any more") \
    FIELD(integer, leases,  required, 0, none, "leases still held")

/* ---- stored: one session for each lease (caller: leased) ---- */

#define FIELDS_session_open(FIELD) \
    FIELD(secret,  task_key,         required, 64, none, "names the session in every call") \
    FIELD(text,    task_id,          required, 64, none, "names workspace and artifacts, whatever DMS renames later") \
    FIELD(text,    job_id,           optional, 64, none, "for logs") \
    FIELD(text,    capability,       optional, LIMIT_NAME_BYTES, none, "for logs") \
    FIELD(text,    domain_id,        required, 64, none, "domain of CIDs that name none, and of the artifacts") \
    FIELD(text,    server_url,       required, LIMIT_URL_BYTES, none, "the domain server: the only origin that gets the token") \
    FIELD(boolean, dms_is_private,   optional, 0, none, "DMS was reached at a loopback or private address: the domain server may be at one, too") \
    FIELD(text,    outputs_prefix,   optional, LIMIT_NAME_BYTES, none, "of logical paths") \
    FIELD(secret,  access_token,     optional, LIMIT_TOKEN_BYTES, none, "the lease's domain token") \
    FIELD(integer, lease_ends_boot_ms, optional, 0, none, "CLOCK_BOOTTIME after which no request is tried again; 0: not known") \
    FIELD(text,    owner,            optional, 64, none, "random, new for each start of leased: see sessions_close_others")

#define FIELDS_session_opened(FIELD) \
    FIELD(text,    workspace, required, LIMIT_NAME_BYTES, none, "the folder made for the task")

#define FIELDS_session_update(FIELD) \
    FIELD(secret,  task_key,           required, 64, none, "of the session") \
    FIELD(secret,  access_token,       optional, LIMIT_TOKEN_BYTES, none, "replaces the token for the next request on") \
    FIELD(integer, lease_ends_boot_ms, optional, 0, none, "as in session_open; 0: unchanged") \
    FIELD(integer, heartbeat_boot_ms,  optional, 0, none, "when the last answered heartbeat was sent (CLOCK_BOOTTIME): who was refused with this token before it waits for no other")

#define FIELDS_session_cancel(FIELD) \
    FIELD(secret,  task_key,     required, 64, none, "its transfers are aborted and new ones refused") \
    FIELD(secret,  access_token, optional, LIMIT_TOKEN_BYTES, none, "to abort uploads with, if a restart lost it")

#define FIELDS_session_close(FIELD) \
    FIELD(secret,  task_key,     required, 64, none, "as session_cancel, and its workspace is removed") \
    FIELD(secret,  access_token, optional, LIMIT_TOKEN_BYTES, none, "as in session_cancel")

#define FIELDS_sessions_close_others(FIELD) \
    FIELD(text,    owner,    required, 64, none, "sessions of any other owner belong to a leased that is gone: they are closed")

#define FIELDS_session_artifacts(FIELD) \
    FIELD(secret,  task_key,     required, 64, none, "of the session, whose job is over: uploads under way end") \
    FIELD(secret,  access_token, optional, LIMIT_TOKEN_BYTES, none, "as in session_cancel")

#define FIELDS_artifact(FIELD) \
    FIELD(text,    logical_path, required, LIMIT_PATH_BYTES, none, "prefix and relative path") \
    FIELD(text,    name,         required, LIMIT_PATH_BYTES, none, "as stored") \
    FIELD(text,    data_type,    required, LIMIT_NAME_BYTES, none, "as stored") \
    FIELD(text,    id,           required, LIMIT_NAME_BYTES, none, "given by the domain server")

#define FIELDS_artifacts(FIELD) \
    FIELD(records, artifacts, required, LIMIT_ARTIFACTS, artifact, "stored so far, in order")

/* ---- stored: what a job reads and writes (callers: runnerd, jobs) ---- */

#define FIELDS_input_materialize(FIELD) \
    FIELD(secret,  task_key, required, 64, none, "of the task") \
    FIELD(text,    cid,      required, LIMIT_URL_BYTES, none, "to fetch; asked for twice it is fetched once")

#define FIELDS_input(FIELD) \
    FIELD(text,    cid,           required, LIMIT_URL_BYTES, none, "as asked for") \
    FIELD(text,    path,          required, LIMIT_PATH_BYTES, none, "of the first part, below the workspace") \
    FIELD(text,    data_id,       optional, LIMIT_NAME_BYTES, none, "of the first part") \
    FIELD(text,    name,          optional, LIMIT_NAME_BYTES, none, "of the first part") \
    FIELD(text,    data_type,     optional, LIMIT_NAME_BYTES, none, "of the first part") \
    FIELD(text,    domain_id,     optional, LIMIT_NAME_BYTES, none, "of the first part") \
    FIELD(texts,   related_files, optional, LIMIT_PATH_BYTES, none, "paths of the other parts")

#define FIELDS_artifact_put(FIELD) \
    FIELD(secret,  task_key,  required, 64, none, "of the task") \
    FIELD(text,    path,      required, LIMIT_PATH_BYTES, none, "the file, below the workspace") \
    FIELD(text,    rel_path,  required, LIMIT_NAME_BYTES, none, "names the artifact (docs/network.md 4.2)") \
    FIELD(text,    name,      optional, LIMIT_NAME_BYTES, none, "instead of the name derived from rel_path") \
    FIELD(text,    data_type, optional, LIMIT_NAME_BYTES, none, "instead of the type derived from rel_path") \
    FIELD(text,    id,        optional, LIMIT_NAME_BYTES, none, "of existing data to replace")

#define FIELDS_artifact_put_bytes(FIELD) \
    FIELD(secret,  task_key,  required, 64, none, "of the task") \
    FIELD(text,    rel_path,  required, LIMIT_NAME_BYTES, none, "as in artifact_put") \
    FIELD(bytes,   bytes,     required, LIMIT_INLINE_BYTES, none, "what to store") \
    FIELD(text,    name,      optional, LIMIT_NAME_BYTES, none, "as in artifact_put") \
    FIELD(text,    data_type, optional, LIMIT_NAME_BYTES, none, "as in artifact_put") \
    FIELD(text,    id,        optional, LIMIT_NAME_BYTES, none, "as in artifact_put")

#define FIELDS_artifact_open(FIELD) \
    FIELD(secret,  task_key,  required, 64, none, "of the task") \
    FIELD(text,    path,      required, LIMIT_PATH_BYTES, none, "the file, below the workspace: made by the writer, who only appends to it") \
    FIELD(text,    rel_path,  required, LIMIT_NAME_BYTES, none, "names the artifact, and the stream in the calls that follow") \
    FIELD(text,    name,      optional, LIMIT_NAME_BYTES, none, "as in artifact_put") \
    FIELD(text,    data_type, optional, LIMIT_NAME_BYTES, none, "as in artifact_put") \
    FIELD(text,    id,        optional, LIMIT_NAME_BYTES, none, "as in artifact_put")

#define FIELDS_artifact_grow(FIELD) \
    FIELD(secret,  task_key,     required, 64, none, "of the task") \
    FIELD(text,    rel_path,     required, LIMIT_NAME_BYTES, none, "as in artifact_open") \
    FIELD(integer, length_bytes, required, 0, none, "that the file has by now, and that will not change any more")

#define FIELDS_artifact_finish(FIELD) \
    FIELD(secret,  task_key,     required, 64, none, "of the task") \
    FIELD(text,    rel_path,     required, LIMIT_NAME_BYTES, none, "as in artifact_open") \
    FIELD(integer, length_bytes, required, 0, none, "of the finished file")

/* ---- events (pub/sub): hints that may get lost, never secrets ---- */

#define FIELDS_domain_token_wanted(FIELD) \
    FIELD(text,    task_id, required, 64, none, "whose token the domain server refused; repeated until a new one comes") \
    FIELD(boolean, lost,    optional, 0, none, "stored was restarted and has no token at all: the current one will do")

#define FIELDS_transfer_progress(FIELD) \
    FIELD(text,    task_id,     required, 64, none, "of the task") \
    FIELD(text,    direction,   required, 8, none, "in or out") \
    FIELD(text,    name,        required, LIMIT_TRANSFER_NAME_BYTES, none, "the CID or the artifact's logical path; a long one is cut") \
    FIELD(integer, moved_bytes, required, 0, none, "that the file has got so far; a repeated download begins at 0 again") \
    FIELD(integer, total_bytes, required, 0, none, "-1: not known") \
    FIELD(integer, bytes_per_second, required, 0, none, "over the last few seconds, repeats included") \
    FIELD(boolean, ended,       required, 0, none, "whether this is the last report of the transfer")

#define FIELDS_workspace_overrun(FIELD) \
    FIELD(text,    task_id,     required, 64, none, "whose workspace holds too much; repeated until the session is closed") \
    FIELD(integer, used_bytes,  required, 0, none, "counted, the walk ends at the limit: it may hold more") \
    FIELD(integer, limit_bytes, required, 0, none, "POSEMESH_WORKSPACE_MAX_BYTES")

#define MESSAGES(MESSAGE) \
    MESSAGE(done,               "the request took effect") \
    MESSAGE(failure,            "the request failed") \
    MESSAGE(status_get,         "asks a service how it is") \
    MESSAGE(status,             "how a service is") \
    MESSAGE(token_get,          "asks for a DMS access token") \
    MESSAGE(token,              "a DMS access token") \
    MESSAGE(capabilities_set,   "tells what the node can run") \
    MESSAGE(inbound_listening,  "tells that the inbound endpoint listens; repeated every few seconds while it does") \
    MESSAGE(callback_deliver,   "passes on DDS's registration callback") \
    MESSAGE(callback_answer,    "what to answer to the callback") \
    MESSAGE(health_check_seen,  "tells that DDS asked for /health") \
    MESSAGE(capability,         "a capability of a runner host") \
    MESSAGE(host_hello,         "a runner host introduces itself, or comes back") \
    MESSAGE(host_welcome,       "a runner host is known") \
    MESSAGE(host_next,          "a runner host waits for its next command") \
    MESSAGE(host_command,       "a command to a runner host") \
    MESSAGE(task_progress,      "a task's progress") \
    MESSAGE(task_event,         "an event of a task") \
    MESSAGE(task_finish,        "the end of a task's job") \
    MESSAGE(drain_start,        "no new lease; running jobs may finish") \
    MESSAGE(drain_wait,         "waits for the end of the drain") \
    MESSAGE(drain_state,        "how far the drain is") \
    MESSAGE(session_open,       "makes a workspace for a lease") \
    MESSAGE(session_opened,     "the workspace") \
    MESSAGE(session_update,     "a heartbeat brought a new token or a longer lease") \
    MESSAGE(session_cancel,     "stops a session's transfers") \
    MESSAGE(session_close,      "ends a session") \
    MESSAGE(sessions_close_others, "ends the sessions that an earlier leased has left") \
    MESSAGE(session_artifacts,  "asks what a session has stored; answered when its aborted uploads have ended at the server, after 5 s at the latest") \
    MESSAGE(artifact,           "a stored artifact") \
    MESSAGE(artifacts,          "what a session has stored") \
    MESSAGE(input_materialize,  "fetches an input into the workspace") \
    MESSAGE(input,              "a materialised input") \
    MESSAGE(artifact_put,       "stores a file of the workspace as an artifact") \
    MESSAGE(artifact_put_bytes, "stores bytes as an artifact") \
    MESSAGE(artifact_open,      "begins to store a file that is still being written") \
    MESSAGE(artifact_grow,      "a streamed artifact's file has grown") \
    MESSAGE(artifact_finish,    "a streamed artifact's file is whole") \
    MESSAGE(domain_token_wanted, "stored needs a lease's token") \
    MESSAGE(transfer_progress,  "how far a transfer is: once a second while it moves, and at its end") \
    MESSAGE(workspace_overrun,  "a task's workspace holds more than it may; its session is cancelled")

/* clang-format on */

MESSAGES(MESSAGE_STRUCT)

/* All types, NULL-terminated, in the order above: for docs/protocol.md and for tests. */
extern const struct message_type *const message_types[];

#endif
