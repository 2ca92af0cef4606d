/* Sessions are few (LIMIT_CONCURRENCY), so a list does; their keys are random, so any of them is found by
 * comparing. */
#include "services/stored/session.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/stored/artifacts/artifact.h"
#include "services/stored/inputs/input.h"
#include "services/stored/journal/journal.h"
#include "services/stored/stored.h"

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
    session_close(earlier, &reason, NULL, NULL);
}

/* The rest is leased's: it hears of the overrun, stops the job and closes the session. */
static void on_overrun(void *context, int64_t used_bytes)
{
    struct session *session = context;
    int64_t limit_bytes = session->workspace.max_bytes;
    struct error reason;
    error_set(&reason, ERROR_DISK_FULL, "the workspace has %lld bytes, the limit is %lld",
              (long long)used_bytes, (long long)limit_bytes);
    if (!session->cancelled) {
        log_write(LOG_LEVEL_WARN, &session->log, "session cancelled: %s", reason.text);
        session_cancel(session, &reason);
    }
    stored_publish_overrun(session->stored, session->task_id, used_bytes, limit_bytes);
}

static void watch_workspace(struct session *session)
{
    struct stored *stored = session->stored;
    session->workspace.max_bytes = stored->workspace_max_bytes;
    session->watched = workspace_watch_add(stored->watch, &session->workspace, &session->log, clock_boot_ms(),
                                           on_overrun, session);
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
    if (!workspace_create(&session->workspace, &stored->work_dir, session->task_id, error))
        return false;
    watch_workspace(session);
    return true;
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
    session->owner = memory_copy_text(message->owner);
    session->log =
        (struct log_task){session->task_id, session->job_id, session->capability, session->domain_id};
    session->workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
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
    journal_session_opened(stored->journal, message);
    log_write(LOG_LEVEL_INFO, &session->log, "session opened for %s%s", session->access.server_url,
              message->access_token.length ? "" : ", without a token");
    return session;
}

/* --- the end --- */

bool session_check_active(const struct session *session, struct error *error)
{
    if (session->cancelled)
        *error = session->cancel_reason;
    return !session->cancelled;
}

void session_cancel(struct session *session, const struct error *reason)
{
    if (!session->cancelled) {
        journal_session_cancelled(session->stored->journal, session->task_id);
        session->cancel_reason = *reason;
    }
    session->cancelled = true;
    inputs_cancel(session, reason);
    artifacts_cancel(session, reason);
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
    domain_access_clear(&session->access);
    workspace_watch_remove(session->watched);
    workspace_close(&session->workspace);
    input_path_set_free(session->input_paths);
    secret_wipe(&session->task_key);
    free(session->task_id);
    free(session->job_id);
    free(session->capability);
    free(session->domain_id);
    free(session->outputs_prefix);
    free(session->owner);
    free(session);
}

static void remove_workspace(struct stored *stored, const char *task_id, removal_done_function *on_removed,
                             void *context)
{
    struct error error;
    char *retired = NULL;
    bool ok = workspace_retire(&stored->work_dir, task_id, &retired, &error);
    if (retired)
        removal_queue_add(stored->removals, retired, on_removed, context);
    else if (on_removed)
        on_removed(context, ok ? NULL : &error);
    else if (!ok)
        log_warn("a workspace stays: %s", error.text);
    free(retired);
}

void session_close(struct session *session, const struct error *reason, removal_done_function *on_removed,
                   void *context)
{
    struct stored *stored = session->stored;
    char *task_id = memory_copy_text(session->task_id);
    session_cancel(session, reason);
    session_drop(session);
    journal_session_closed(stored->journal, task_id);
    remove_workspace(stored, task_id, on_removed, context);
    free(task_id);
}

void sessions_close_others(struct stored *stored, const char *owner)
{
    struct session *next = NULL;
    struct error reason;
    error_set(&reason, ERROR_CANCELLED, "leased was restarted and does not know the task");
    for (struct session *session = stored->sessions; session; session = next) {
        next = session->next;
        if (session->owner && strcmp(session->owner, owner) == 0)
            continue;
        log_write(LOG_LEVEL_WARN, &session->log, "session closed: %s", reason.text);
        session_close(session, &reason, NULL, NULL);
    }
}

/* --- after a restart --- */

/*
 * The token is not in the journal: requests wait until leased has said it again, and with it the lease's end,
 * which has moved on.
 */
static bool restore(struct session *session, const struct message_session_open *message, bool had_token,
                    struct error *error)
{
    struct stored *stored = session->stored;
    if (!domain_access_init(&session->access, &stored->client, message->server_url, &session->log, error) ||
        !workspace_reopen(&session->workspace, &stored->work_dir, session->task_id, error))
        return false;
    session->access.token_lost = had_token;
    watch_workspace(session);
    return true;
}

static void restore_session(void *context, const struct journal_record *record)
{
    struct stored *stored = context;
    struct error error;
    struct session *session = session_create(stored, record->message);
    session->cancelled = record->cancelled;
    error_set(&session->cancel_reason, ERROR_CANCELLED, "the session was cancelled");
    if (!restore(session, record->message, record->had_token, &error)) {
        log_write(LOG_LEVEL_WARN, &session->log, "session lost: %s", error.text);
        journal_session_closed(stored->journal, session->task_id);
        session_drop(session);
        return;
    }
    inputs_restore(session);
    artifacts_restore(session);
    log_write(LOG_LEVEL_INFO, &session->log, "session restored: %zu input%s and %zu artifact%s are there",
              session->input_count, session->input_count == 1 ? "" : "s", session->artifact_count,
              session->artifact_count == 1 ? "" : "s");
}

void sessions_restore(struct stored *stored)
{
    journal_visit_records(stored->journal, JOURNAL_SESSIONS, NULL, restore_session, stored);
}
