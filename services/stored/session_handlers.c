/* What leased asks. Opening and closing move folders (removal goes on in the background), and the journal is
 * written; neither waits for the disk. */
#include "services/stored/session_handlers.h"

#include "libcommon/base/memory.h"
#include "services/stored/stored.h"

#include <stdlib.h>

static struct sessions *sessions_of(void *opaque)
{
    const struct service_context *context = opaque;
    const struct stored *stored = context->state;
    return stored->sessions;
}

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
    struct error error;
    struct session *session = sessions_find(sessions_of(opaque), &update->task_key, &error);
    if (!session) {
        ipc_fail(request, &error);
        return;
    }
    session_update(session, update);
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
    const struct message_session_close *close_message = message;
    struct error error;
    struct sessions *sessions = sessions_of(opaque);
    struct session *session = sessions_find(sessions, &close_message->task_key, &error);
    if (!session) {
        ipc_answer_done(request);
        return;
    }
    domain_access_restore_token(&session->access, &close_message->access_token);
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
    struct error error;
    struct message_artifacts list;
    const struct session *session = sessions_find(sessions_of(opaque), &asked->task_key, &error);
    if (!session) {
        ipc_fail(request, &error);
        return;
    }
    artifact_table_list(&session->artifacts->table, &list);
    ipc_answer(request, &list);
    message_clear(&message_artifacts_type, &list);
}
