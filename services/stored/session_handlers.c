/* What leased asks. Opening and closing move folders (removal goes on in the background), and the journal is
 * written; neither waits for the disk. */
#include "services/stored/handlers.h"

#include "libcommon/base/memory.h"
#include "services/stored/artifacts/artifact.h"
#include "services/stored/journal/journal.h"
#include "services/stored/session.h"
#include "services/stored/stored.h"

#include <stdlib.h>

static struct stored *stored_of(void *opaque)
{
    struct service_context *context = opaque;
    return context->state;
}

static void handle_open(void *opaque, struct ipc_request *request, const void *message)
{
    struct error error;
    struct stored *stored = stored_of(opaque);
    const struct session *session = session_open(stored, message, &error);
    if (!session) {
        log_warn("cannot open a session: %s", error.text);
        ipc_fail(request, &error);
        return;
    }
    struct message_session_opened opened = {.workspace = memory_copy_text(session->workspace.path)};
    ipc_answer(request, &opened);
    message_clear(&message_session_opened_type, &opened);
}

/* The token applies to the next attempt of requests that are under way, too. */
static void handle_update(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_update *update = message;
    struct error error;
    struct session *session = session_find(stored_of(opaque), &update->task_key, &error);
    if (!session) {
        ipc_fail(request, &error);
        return;
    }
    if (update->lease_ends_boot_ms)
        session->access.lease_ends_boot_ms = update->lease_ends_boot_ms;
    if (update->access_token.length && !session->access.token.length && !session->access.token_lost)
        journal_session_got_token(session->stored->journal, session->task_id);
    if (update->access_token.length)
        domain_access_set_token(&session->access, &update->access_token);
    ipc_answer_done(request);
}

static void handle_cancel(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_cancel *cancel = message;
    struct error error;
    struct session *session = session_find(stored_of(opaque), &cancel->task_key, &error);
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
static void handle_close(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_close *close_message = message;
    struct error error;
    struct session *session = session_find(stored_of(opaque), &close_message->task_key, &error);
    if (!session) {
        ipc_answer_done(request);
        return;
    }
    domain_access_restore_token(&session->access, &close_message->access_token);
    log_write(LOG_LEVEL_INFO, &session->log, "session closed");
    error_set(&error, ERROR_CANCELLED, "the session was closed");
    session_close(session, &error, on_workspace_removed, request);
}

static void handle_keep(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_sessions_close_others *keep = message;
    sessions_close_others(stored_of(opaque), keep->owner);
    ipc_answer_done(request);
}

static void handle_artifacts(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_session_artifacts *asked = message;
    struct error error;
    struct message_artifacts list;
    const struct session *session = session_find(stored_of(opaque), &asked->task_key, &error);
    if (!session) {
        ipc_fail(request, &error);
        return;
    }
    artifacts_list(session, &list);
    ipc_answer(request, &list);
    message_clear(&message_artifacts_type, &list);
}

const struct ipc_handler session_handlers[] = {
    {OPERATION_session_open, handle_open},           {OPERATION_session_update, handle_update},
    {OPERATION_session_cancel, handle_cancel},       {OPERATION_session_close, handle_close},
    {OPERATION_session_artifacts, handle_artifacts}, {OPERATION_sessions_close_others, handle_keep},
};
const size_t session_handler_count = sizeof session_handlers / sizeof session_handlers[0];
