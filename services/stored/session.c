/* Sessions are few (LIMIT_CONCURRENCY), so a list does; their keys are random, so any of them is found by
 * comparing. */
#include "services/stored/session.h"

#include "libcommon/limits.h"
#include "libcommon/memory.h"
#include "services/stored/artifact.h"
#include "services/stored/input.h"
#include "services/stored/stored.h"
#include "services/stored/workspace_files.h"

#include <stdlib.h>
#include <string.h>

struct session *session_find(const struct stored *stored, const struct secret *task_key, struct error *error)
{
    struct session *session = stored->sessions;
    while (session && !secret_equal(&session->task_key, task_key))
        session = session->next;
    if (!session)
        error_set(error, ERROR_NOT_FOUND, "no session has this task key");
    return session;
}

static struct session *find_by_task(const struct stored *stored, const char *task_id)
{
    struct session *session = stored->sessions;
    while (session && strcmp(session->task_id, task_id) != 0)
        session = session->next;
    return session;
}

/* --- opening --- */

/* task_id becomes a folder's name and domain_id a part of URLs, whoever sent them. */
static bool check_open(const struct stored *stored, const struct message_session_open *message,
                       struct error *error)
{
    if (message->task_key.length == 0)
        return error_set(error, ERROR_INVALID, "task_key is empty");
    if (!workspace_name_is_safe(message->task_id))
        return error_set(error, ERROR_INVALID, "task_id cannot be a folder's name: %.64s", message->task_id);
    if (!*message->domain_id || strcmp(message->domain_id, ".") == 0 || strcmp(message->domain_id, "..") == 0)
        return error_set(error, ERROR_INVALID, "domain_id \"%.64s\" cannot be used", message->domain_id);
    if (stored->session_count >= LIMIT_CONCURRENCY)
        return error_set(error, ERROR_UNAVAILABLE, "%zu sessions are open, the limit is %d",
                         stored->session_count, LIMIT_CONCURRENCY);
    return true;
}

/* The task came back under another lease before the first one was closed: the later lease counts. */
static void end_earlier_attempt(struct stored *stored, const char *task_id)
{
    struct session *earlier = find_by_task(stored, task_id);
    struct error reason;
    if (!earlier)
        return;
    log_write(LOG_LEVEL_WARN, &earlier->log, "a new lease of the task replaces its session");
    error_set(&reason, ERROR_CANCELLED, "a new lease replaced this one");
    session_free(earlier, &reason, NULL);
}

static bool make_workspace(struct session *session, struct error *error)
{
    struct stored *stored = session->stored;
    char *retired = NULL;
    if (!workspace_retire(&stored->work_dir, session->task_id, &retired, error))
        return false;
    if (retired) {
        log_write(LOG_LEVEL_INFO, &session->log, "removing the workspace of an earlier attempt");
        removal_queue_add(stored->removals, retired, NULL, NULL);
        free(retired);
    }
    return workspace_create(&session->workspace, &stored->work_dir, session->task_id, error);
}

static struct session *session_create(struct stored *stored, const struct message_session_open *message)
{
    struct session *session = memory_allocate(sizeof *session);
    session->stored = stored;
    secret_assign(&session->task_key, message->task_key.bytes, message->task_key.length);
    session->task_id = memory_copy_text(message->task_id);
    session->job_id = memory_copy_text(message->job_id);
    session->capability = memory_copy_text(message->capability);
    session->domain_id = memory_copy_text(message->domain_id);
    session->outputs_prefix = memory_copy_text(message->outputs_prefix);
    session->log =
        (struct log_task){session->task_id, session->job_id, session->capability, session->domain_id};
    session->workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
    session->files = workspace_files_create(stored->client.loop, &session->workspace);
    session->input_paths = input_path_set_create();
    session->next = stored->sessions;
    stored->sessions = session;
    stored->session_count++;
    return session;
}

struct session *session_open(struct stored *stored, const struct message_session_open *message,
                             struct error *error)
{
    struct error unknown;
    struct session *session = session_find(stored, &message->task_key, &unknown);
    /* A repeat may be older than the last update: it changes nothing. */
    if (session)
        return session;
    if (!check_open(stored, message, error))
        return NULL;
    end_earlier_attempt(stored, message->task_id);
    session = session_create(stored, message);
    if (!domain_access_init(&session->access, &stored->client, message->server_url, &session->log, error) ||
        !make_workspace(session, error)) {
        session_drop(session);
        return NULL;
    }
    session->access.lease_ends_boot_ms = message->lease_ends_boot_ms;
    secret_assign(&session->access.token, message->access_token.bytes, message->access_token.length);
    log_write(LOG_LEVEL_INFO, &session->log, "session opened for %s%s", session->access.server_url,
              message->access_token.length ? "" : ", without a token");
    return session;
}

/* --- the end --- */

bool session_check_active(const struct session *session, struct error *error)
{
    if (session->stored->stopping)
        return error_set(error, ERROR_UNAVAILABLE, "stored is stopping");
    return !session->cancelled || error_set(error, ERROR_CANCELLED, "the session was cancelled");
}

void session_cancel(struct session *session, const struct error *reason)
{
    session->cancelled = true;
    inputs_cancel(session, reason);
    artifacts_cancel(session, reason);
    workspace_files_cancel(session->files, reason);
}

/* Transfers first: they use the session's way to the server and its workspace. */
void session_drop(struct session *session)
{
    struct session **link = &session->stored->sessions;
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    session->stored->session_count--;
    inputs_drop(session);
    artifacts_drop(session);
    workspace_files_free(session->files);
    domain_access_clear(&session->access);
    workspace_close(&session->workspace);
    input_path_set_free(session->input_paths);
    secret_wipe(&session->task_key);
    free(session->task_id);
    free(session->job_id);
    free(session->capability);
    free(session->domain_id);
    free(session->outputs_prefix);
    free(session);
}

void session_free(struct session *session, const struct error *reason, char **task_id)
{
    session_cancel(session, reason);
    if (task_id)
        *task_id = memory_copy_text(session->task_id);
    session_drop(session);
}
