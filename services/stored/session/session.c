#include "services/stored/session/session.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "services/stored/artifacts/artifact_stream.h"
#include "services/stored/artifacts/data_path.h"

#include <stdlib.h>

/* --- what it has --- */

static struct inputs *create_inputs(struct session *session)
{
    return inputs_create(&(struct inputs_spec){.access = &session->access,
                                               .workspace = &session->workspace,
                                               .journal = session->setup->journal,
                                               .transfers = session->setup->transfers,
                                               .task_id = session->task_id,
                                               .domain_id = session->domain_id});
}

static struct artifacts *create_artifacts(struct session *session)
{
    const struct session_setup *setup = session->setup;
    const struct upload_setup uploads = {.access = &session->access,
                                         .aborts = setup->aborts,
                                         .infos = setup->upload_infos,
                                         .journal = setup->journal,
                                         .transfers = setup->transfers,
                                         .task_id = session->task_id,
                                         .data_path = session->data_path,
                                         .multipart_min_bytes = setup->multipart_min_bytes,
                                         .concurrency = setup->upload_concurrency};
    return artifacts_create(&(struct artifacts_spec){
        .uploads = uploads, .workspace = &session->workspace, .outputs_prefix = session->outputs_prefix});
}

struct session *session_create(const struct session_setup *setup, const struct message_session_open *message)
{
    struct session *session = memory_allocate(sizeof *session);
    session->setup = setup;
    secret_assign(&session->task_key, message->task_key.bytes, message->task_key.length);
    session->task_id = memory_copy_text(message->task_id);
    session->job_id = memory_copy_text(message->job_id);
    session->capability = memory_copy_text(message->capability);
    session->domain_id = memory_copy_text(message->domain_id);
    session->data_path = data_path_of_domain(message->domain_id);
    session->outputs_prefix = memory_copy_text(message->outputs_prefix);
    session->owner = memory_copy_text(message->owner);
    session->log =
        (struct log_task){session->task_id, session->job_id, session->capability, session->domain_id};
    session->workspace = (struct workspace){.fd = -1, .datasets_fd = -1, .incoming_fd = -1};
    session->inputs = create_inputs(session);
    session->artifacts = create_artifacts(session);
    return session;
}

/* Transfers first: they use the session's way to the server and its workspace. */
void session_free(struct session *session)
{
    inputs_free(session->inputs);
    artifacts_free(session->artifacts);
    domain_access_clear(&session->access);
    workspace_watch_remove(session->watched);
    workspace_close(&session->workspace);
    secret_wipe(&session->task_key);
    free(session->task_id);
    free(session->job_id);
    free(session->capability);
    free(session->domain_id);
    free(session->data_path);
    free(session->outputs_prefix);
    free(session->owner);
    free(session);
}

/* --- the end of its transfers --- */

bool session_check_active(const struct session *session, struct error *error)
{
    if (session->cancelled)
        *error = session->cancel_reason;
    return !session->cancelled;
}

void session_cancel(struct session *session, const struct error *reason)
{
    if (!session->cancelled) {
        journal_session_cancelled(session->setup->journal, session->task_id);
        session->cancel_reason = *reason;
    }
    session->cancelled = true;
    inputs_cancel(session->inputs, reason);
    artifacts_cancel(session->artifacts, reason);
}

/* The rest is leased's: it hears of the overrun, stops the job and closes the session. */
static void on_overrun(void *context, int64_t used_bytes)
{
    struct session *session = context;
    const struct session_setup *setup = session->setup;
    struct error reason;
    error_set(&reason, ERROR_DISK_FULL, "the workspace has %lld bytes, the limit is %lld",
              (long long)used_bytes, (long long)setup->workspace_max_bytes);
    if (!session->cancelled) {
        log_write(LOG_LEVEL_WARN, &session->log, "session cancelled: %s", reason.text);
        session_cancel(session, &reason);
    }
    setup->on_overrun(setup->context, session->task_id, used_bytes, setup->workspace_max_bytes);
}

/* --- the beginning --- */

static void watch_workspace(struct session *session)
{
    const struct session_setup *setup = session->setup;
    session->workspace.max_bytes = setup->workspace_max_bytes;
    session->watched = workspace_watch_add(setup->watch, &session->workspace, &session->log, clock_boot_ms(),
                                           on_overrun, session);
}

static bool make_workspace(struct session *session, struct error *error)
{
    const struct session_setup *setup = session->setup;
    char *retired = NULL;
    if (!workspace_retire(setup->work_dir, session->task_id, &retired, error))
        return false;
    if (retired) {
        log_write(LOG_LEVEL_INFO, &session->log, "removing the workspace of an earlier attempt");
        removal_queue_add(setup->removals, retired, NULL, NULL);
        free(retired);
    }
    if (!workspace_create(&session->workspace, setup->work_dir, session->task_id, error))
        return false;
    watch_workspace(session);
    return true;
}

static bool open_access(struct session *session, const struct message_session_open *message,
                        struct error *error)
{
    return domain_access_init(&session->access, session->setup->client, message->server_url, &session->log,
                              error);
}

bool session_begin(struct session *session, const struct message_session_open *message, struct error *error)
{
    if (!open_access(session, message, error) || !make_workspace(session, error))
        return false;
    session->access.lease_ends_boot_ms = message->lease_ends_boot_ms;
    secret_assign(&session->access.token, message->access_token.bytes, message->access_token.length);
    journal_session_opened(session->setup->journal, message);
    log_write(LOG_LEVEL_INFO, &session->log, "session opened for %s%s", session->access.server_url,
              message->access_token.length ? "" : ", without a token");
    return true;
}

/*
 * The token is not in the journal: requests wait until leased has said it again, and with it the lease's end,
 * which has moved on.
 */
bool session_restore(struct session *session, const struct journal_record *record, struct error *error)
{
    session->cancelled = record->cancelled;
    error_set(&session->cancel_reason, ERROR_CANCELLED, "the session was cancelled");
    if (!open_access(session, record->message, error) ||
        !workspace_reopen(&session->workspace, session->setup->work_dir, session->task_id, error))
        return false;
    session->access.token_lost = record->had_token;
    watch_workspace(session);
    inputs_restore(session->inputs);
    artifacts_restore(session->artifacts);
    if (!session->cancelled)
        artifact_streams_restore(session->artifacts);
    size_t input_count = inputs_count(session->inputs);
    size_t artifact_count = session->artifacts->table.count;
    log_write(LOG_LEVEL_INFO, &session->log, "session restored: %zu input%s and %zu artifact%s are there",
              input_count, input_count == 1 ? "" : "s", artifact_count, artifact_count == 1 ? "" : "s");
    return true;
}

void session_update(struct session *session, const struct message_session_update *update)
{
    struct domain_access *access = &session->access;
    if (update->lease_ends_boot_ms)
        access->lease_ends_boot_ms = update->lease_ends_boot_ms;
    if (update->access_token.length && !access->token.length && !access->token_lost)
        journal_session_got_token(session->setup->journal, session->task_id);
    if (update->access_token.length)
        domain_access_set_token(access, &update->access_token);
}
