#include "services/stored/session/session.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/artifacts/artifact_stream.h"

#include <stdlib.h>

/* --- what it has --- */

static struct inputs *create_inputs(struct session *session)
{
    return inputs_create(&(struct inputs_spec){.access = &session->access,
                                               .workspace = &session->workspace,
                                               .journal = session->setup->journal,
                                               .transfers = &session->setup->transfers,
                                               .task_id = session->opened.task_id,
                                               .domain_id = session->opened.domain_id});
}

static struct artifacts *create_artifacts(struct session *session)
{
    struct session_setup *setup = session->setup;
    const struct upload_setup uploads = {.policy = &setup->uploads,
                                         .access = &session->access,
                                         .journal = setup->journal,
                                         .transfers = &setup->transfers,
                                         .task_id = session->opened.task_id};
    return artifacts_create(&(struct artifacts_spec){.uploads = uploads,
                                                     .workspace = &session->workspace,
                                                     .domain_id = session->opened.domain_id,
                                                     .outputs_prefix = session->opened.outputs_prefix});
}

struct session *session_create(struct session_setup *setup, const struct message_session_open *opened)
{
    struct session *session = memory_allocate(sizeof *session);
    *session =
        (struct session){.setup = setup, .workspace = {.fd = -1, .datasets_fd = -1, .incoming_fd = -1}};
    message_copy(&message_session_open_type, &session->opened, opened);
    session->log = (struct log_task){session->opened.task_id, session->opened.job_id,
                                     session->opened.capability, session->opened.domain_id};
    session->inputs = create_inputs(session);
    session->artifacts = create_artifacts(session);
    artifact_collection_init(&session->collection, session->artifacts, setup->client.loop);
    return session;
}

/* Transfers first: they use the session's way to the server and its workspace. */
void session_free(struct session *session)
{
    if (!session)
        return;
    inputs_free(session->inputs);
    artifact_collection_clear(&session->collection);
    artifacts_free(session->artifacts);
    domain_access_clear(&session->access);
    workspace_watch_remove(session->watched);
    workspace_close(&session->workspace);
    message_clear(&message_session_open_type, &session->opened);
    free(session);
}

/* --- the end of its transfers --- */

void session_cancel(struct session *session, const struct error *reason)
{
    if (!session->cancelled) {
        journal_session_cancelled(session->setup->journal, session->opened.task_id);
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
    setup->on_overrun(setup->context, session->opened.task_id, used_bytes, setup->workspace_max_bytes);
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
    struct session_setup *setup = session->setup;
    char *retired = NULL;
    if (!workspace_retire(&setup->work_dir, session->opened.task_id, &retired, error))
        return false;
    if (retired) {
        log_write(LOG_LEVEL_INFO, &session->log, "removing the workspace of an earlier attempt");
        removal_queue_add(setup->removals, retired, NULL, NULL);
        free(retired);
    }
    if (!workspace_create(&session->workspace, &setup->work_dir, session->opened.task_id, error))
        return false;
    watch_workspace(session);
    return true;
}

static bool open_access(struct session *session, struct error *error)
{
    const struct session_setup *setup = session->setup;
    if (!domain_access_init(&session->access, &setup->client, session->opened.server_url, &session->log,
                            error))
        return false;
    if (setup->allow_private_servers)
        session->access.reach = HTTP_REACH_ALL;
    else if (session->opened.dms_is_private)
        session->access.reach = HTTP_REACH_PRIVATE;
    return true;
}

bool session_begin(struct session *session, struct error *error)
{
    struct message_session_open *opened = &session->opened;
    if (!open_access(session, error) || !make_workspace(session, error))
        return false;
    journal_session_opened(session->setup->journal, opened);
    session->access.lease_ends_boot_ms = opened->lease_ends_boot_ms;
    lease_expiry_told(&session->expiry, opened->lease_ends_boot_ms);
    secret_assign_locked(&session->access.token, opened->access_token.bytes, opened->access_token.length);
    secret_wipe(&opened->access_token);
    log_write(LOG_LEVEL_INFO, &session->log, "session opened for %s%s", session->access.server_url,
              session->access.token.length ? "" : ", without a token");
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
    if (!open_access(session, error) ||
        !workspace_reopen(&session->workspace, &session->setup->work_dir, session->opened.task_id, error))
        return false;
    session->access.token_lost = record->had_token;
    lease_expiry_restored(&session->expiry, session->opened.lease_ends_boot_ms != 0, clock_boot_ms());
    watch_workspace(session);
    size_t input_count = inputs_restore(session->inputs);
    artifacts_restore(session->artifacts);
    if (!session->cancelled) {
        inputs_resume(session->inputs);
        artifact_streams_restore(session->artifacts);
    }
    size_t artifact_count = session->artifacts->table.count;
    log_write(LOG_LEVEL_INFO, &session->log, "session restored: %zu %s and %zu %s are there", input_count,
              text_plural(input_count, "input", "inputs"), artifact_count,
              text_plural(artifact_count, "artifact", "artifacts"));
    return true;
}

/* The journal knows of a lease whether it has an end; when that is moves on with each heartbeat. */
static void take_lease_end(struct session *session, int64_t ends_boot_ms)
{
    if (!ends_boot_ms)
        return;
    session->access.lease_ends_boot_ms = ends_boot_ms;
    lease_expiry_told(&session->expiry, ends_boot_ms);
    if (!session->opened.lease_ends_boot_ms) {
        session->opened.lease_ends_boot_ms = ends_boot_ms;
        journal_session_got_end(session->setup->journal, &session->opened);
    }
}

void session_update(struct session *session, const struct message_session_update *update)
{
    struct domain_access *access = &session->access;
    take_lease_end(session, update->lease_ends_boot_ms);
    if (update->access_token.length && !access->token.length && !access->token_lost)
        journal_session_got_token(session->setup->journal, session->opened.task_id);
    domain_access_on_heartbeat(access, &update->access_token, update->heartbeat_boot_ms);
}
