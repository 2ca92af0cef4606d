/*
 * What leased asks of sessions, and what runner hosts and jobs ask, for whom the key of their own task is all
 * that they have to show. Opening and closing move folders (removal goes on in the background), and the
 * journal is written; neither waits for the disk.
 */
#include "services/stored/stored.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/artifacts/artifact_put.h"
#include "services/stored/artifacts/artifact_stream.h"

static struct sessions *sessions_of(void *opaque)
{
    const struct service_context *context = opaque;
    const struct stored *stored = context->state;
    return stored->sessions;
}

/* NULL when `request` was answered with the reason why there is none. */
static struct session *find_session(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    struct error error;
    struct session *session = sessions_find(sessions_of(opaque), task_key, &error);
    if (!session)
        ipc_fail(request, &error);
    return session;
}

/* --- for leased --- */

void stored_handle_session_open(void *opaque, struct ipc_request *request, const void *message)
{
    struct error error;
    const struct session *session = sessions_open(sessions_of(opaque), message, &error);
    if (!session) {
        log_warn("cannot open a session: %s", error.text);
        ipc_fail(request, &error);
        return;
    }
    struct message_session_opened opened = {.workspace = memory_copy_text(session->workspace.path)};
    ipc_answer(request, &opened);
    message_clear(&message_session_opened_type, &opened);
}

void stored_handle_session_update(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_update *update = message;
    struct session *session = find_session(opaque, &update->task_key, request);
    if (!session)
        return;
    sessions_update(sessions_of(opaque), session, update);
    ipc_answer_done(request);
}

void stored_handle_session_cancel(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_cancel *cancel = message;
    struct error error;
    struct session *session = sessions_find(sessions_of(opaque), &cancel->task_key, &error);
    /* A session that is gone has no transfers: what is asked for is so. */
    if (session && !session->cancelled) {
        domain_access_restore_token(&session->access, &cancel->access_token);
        log_write(LOG_LEVEL_INFO, &session->log, "session cancelled");
        error_set(&error, ERROR_CANCELLED, "the session was cancelled");
        session_cancel(session, &error);
    }
    ipc_answer_done(request);
}

static void on_workspace_removed(void *opaque, const struct error *failure)
{
    struct ipc_request *request = opaque;
    if (failure)
        log_warn("a workspace stays: %s", failure->text);
    if (failure)
        ipc_fail(request, failure);
    else
        ipc_answer_done(request);
}

/* Answered when the workspace is gone, so that a lease's disk space is free before the next one is taken. */
void stored_handle_session_close(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_close *asked = message;
    struct sessions *sessions = sessions_of(opaque);
    struct error error;
    struct session *session = sessions_find(sessions, &asked->task_key, &error);
    if (!session) {
        ipc_answer_done(request);
        return;
    }
    domain_access_restore_token(&session->access, &asked->access_token);
    log_write(LOG_LEVEL_INFO, &session->log, "session closed");
    error_set(&error, ERROR_CANCELLED, "the session was closed");
    sessions_close(sessions, session, &error, on_workspace_removed, request);
}

void stored_handle_sessions_close_others(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_sessions_close_others *asked = message;
    sessions_close_others(sessions_of(opaque), asked->owner);
    ipc_answer_done(request);
}

void stored_handle_session_artifacts(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_artifacts *asked = message;
    struct session *session = find_session(opaque, &asked->task_key, request);
    if (!session)
        return;
    domain_access_restore_token(&session->access, &asked->access_token);
    artifact_collection_ask(&session->collection, request);
}

/* --- for runner hosts and jobs --- */

static void on_answered(void *opaque, int64_t number)
{
    const struct service_context *context = opaque;
    const struct stored *stored = context->state;
    journal_request_answered(stored->setup.journal, number);
}

/*
 * As find_session, and notes the request until it is answered: one that crashes stored would be sent again to
 * its next start for ever. Also NULL when it has done that too often.
 */
static struct session *take_in_hand(void *opaque, const struct secret *task_key, enum operation operation,
                                    const char *name, struct ipc_request *request)
{
    struct error error;
    struct session *session = find_session(opaque, task_key, request);
    if (!session)
        return NULL;
    const struct journal_request noted = {session->opened.task_id, operation_infos[operation].name, name};
    if (!journal_check_deaths(session->setup->journal, &noted, &error)) {
        log_write(LOG_LEVEL_ERROR, &session->log, "%s %.*s: %s", noted.operation, TEXT_CUT(name, 200),
                  error.text);
        ipc_fail(request, &error);
        return NULL;
    }
    ipc_on_answered(request, on_answered, opaque, journal_request_taken(session->setup->journal, &noted));
    return session;
}

/* As take_in_hand; also NULL when nothing new may begin in the session. */
static struct artifacts *find_artifacts(void *opaque, const struct secret *task_key, enum operation operation,
                                        const char *rel_path, struct ipc_request *request)
{
    const struct session *session = take_in_hand(opaque, task_key, operation, rel_path, request);
    if (!session || !session->cancelled)
        return session ? session->artifacts : NULL;
    ipc_fail(request, &session->cancel_reason);
    return NULL;
}

/* An input that is there is given also when nothing new may begin. */
void stored_handle_input_materialize(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_input_materialize *asked = message;
    const struct session *session =
        take_in_hand(opaque, &asked->task_key, OPERATION_input_materialize, asked->cid, request);
    if (session)
        inputs_ask(session->inputs, asked->cid, session->cancelled ? &session->cancel_reason : NULL, request);
}

void stored_handle_artifact_put(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put *asked = message;
    struct artifacts *artifacts =
        find_artifacts(opaque, &asked->task_key, OPERATION_artifact_put, asked->rel_path, request);
    if (artifacts)
        artifact_put(artifacts, asked, request);
}

void stored_handle_artifact_put_bytes(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put_bytes *asked = message;
    struct artifacts *artifacts =
        find_artifacts(opaque, &asked->task_key, OPERATION_artifact_put_bytes, asked->rel_path, request);
    if (artifacts)
        artifact_put_bytes(artifacts, asked, request);
}

void stored_handle_artifact_open(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_open *asked = message;
    struct artifacts *artifacts =
        find_artifacts(opaque, &asked->task_key, OPERATION_artifact_open, asked->rel_path, request);
    if (artifacts)
        artifact_open(artifacts, asked, request);
}

void stored_handle_artifact_grow(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_grow *asked = message;
    struct artifacts *artifacts =
        find_artifacts(opaque, &asked->task_key, OPERATION_artifact_grow, asked->rel_path, request);
    if (artifacts)
        artifact_grow(artifacts, asked, request);
}

void stored_handle_artifact_finish(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_finish *asked = message;
    struct artifacts *artifacts =
        find_artifacts(opaque, &asked->task_key, OPERATION_artifact_finish, asked->rel_path, request);
    if (artifacts)
        artifact_finish(artifacts, asked, request);
}
