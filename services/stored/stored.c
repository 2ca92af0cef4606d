#include "services/stored/stored.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/base/uuid.h"
#include "libcommon/json/json_writer.h"
#include "libcommon/service/last_death.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    BYTES_PER_MIB = 1 << 20,
    SHARED_UMASK = 007,    /* what we make in workspaces is the group's, too */
    ANSWERS_LEAVE_MS = 50, /* to who waits for them */
    STOP_WITHIN_MS = 1500  /* for servers to hear of uploads that end with us */
};

/* One that is made up stays over our restarts: servers tell nodes by it. */
static char *choose_client_id(struct stored *stored)
{
    struct service_context *context = stored->context;
    uint8_t bytes[UUID_BYTES];
    char uuid[UUID_TEXT_BYTES];
    if (!text_is_blank(context->settings.client_id))
        return memory_copy_text(context->settings.client_id);
    random_bytes(&context->random, bytes, sizeof bytes);
    char *fresh = memory_format("posemesh-compute-node/%s", uuid_format_random(bytes, uuid));
    char *kept = journal_keep_client_id(stored->setup.journal, fresh);
    free(fresh);
    return kept;
}

static void publish_token_wanted(void *opaque, const char *task_id, bool lost)
{
    const struct stored *stored = opaque;
    struct message_domain_token_wanted wanted = {.task_id = memory_copy_text(task_id), .lost = lost};
    ipc_publish(stored->context->ipc, EVENT_domain_token_wanted, &wanted);
    message_clear(&message_domain_token_wanted_type, &wanted);
}

static void publish_overrun(void *opaque, const char *task_id, int64_t used_bytes, int64_t limit_bytes)
{
    const struct stored *stored = opaque;
    struct message_workspace_overrun overrun = {
        .task_id = memory_copy_text(task_id), .used_bytes = used_bytes, .limit_bytes = limit_bytes};
    ipc_publish(stored->context->ipc, EVENT_workspace_overrun, &overrun);
    message_clear(&message_workspace_overrun_type, &overrun);
}

static void publish_progress(void *opaque, const struct message_transfer_progress *progress)
{
    const struct stored *stored = opaque;
    ipc_publish(stored->context->ipc, EVENT_transfer_progress, progress);
}

static void on_stop_due(void *opaque)
{
    struct stored *stored = opaque;
    service_stop(stored->context);
}

static void on_abort_ended(void *opaque, const char *task_id)
{
    struct stored *stored = opaque;
    sessions_on_abort_ended(stored->sessions, task_id);
    if (stored->stopping && multipart_aborts_idle(stored->setup.uploads.aborts))
        loop_timer_start(&stored->stop_timer, 0);
}

static bool open_journal(struct stored *stored, struct error *error)
{
    char boot_id[CLOCK_BOOT_ID_BYTES];
    if (!clock_boot_id(boot_id, error))
        return false;
    stored->setup.journal = journal_open(stored->context->settings.state_dir, boot_id, error);
    return stored->setup.journal;
}

bool stored_start(struct service_context *context, struct error *error)
{
    const struct settings *settings = &context->settings;
    struct stored *stored = memory_allocate(sizeof *stored);
    struct session_setup *setup = &stored->setup;
    context->state = stored;
    stored->context = context;
    setup->work_dir.fd = -1;
    umask(SHARED_UMASK);
    if (!open_journal(stored, error))
        return false;
    journal_deaths_count(setup->journal, last_death_of_this_service() != NULL);
    if (!work_dir_open(&setup->work_dir, settings->work_dir, error))
        return false;
    stored->client_id = choose_client_id(stored);
    setup->client = (struct domain_client){.loop = context->loop,
                                           .http = context->http,
                                           .random = &context->random,
                                           .client_id = stored->client_id,
                                           .request_timeout_ms = settings->request_timeout_secs * 1000,
                                           .want_token = publish_token_wanted,
                                           .context = stored};
    transfers_init(&setup->transfers, context->loop, publish_progress, stored);
    transfers_cap(&setup->transfers, settings->transfer_max_bytes_per_sec);
    setup->removals = removal_queue_create(context->loop, setup->work_dir.fd);
    setup->watch = workspace_watch_create(context->loop, settings->workspace_max_bytes);
    setup->workspace_max_bytes = settings->workspace_max_bytes;
    setup->allow_private_servers = settings->allow_private_domain_servers;
    setup->uploads = (struct upload_policy){.aborts = multipart_aborts_create(on_abort_ended, stored),
                                            .infos = &stored->upload_infos,
                                            .multipart_min_bytes = settings->multipart_min_bytes,
                                            .concurrency = (size_t)settings->upload_concurrency};
    setup->on_overrun = publish_overrun;
    setup->context = stored;
    stored->sessions = sessions_create(setup);
    loop_timer_init(&stored->stop_timer, context->loop, on_stop_due, stored);
    log_info("client id %s", stored->client_id);
    return sessions_restore(stored->sessions, error);
}

/*
 * Sessions and transfers go on to the last moment: the next stored resumes them, and callers that wait then
 * are answered by it. Only uploads that were given up have to be told to the server still.
 */
void stored_terminate(struct service_context *context)
{
    struct stored *stored = context->state;
    stored->stopping = true;
    /* Also without aborts a moment goes by, in which answers leave. */
    loop_timer_start(&stored->stop_timer,
                     multipart_aborts_idle(stored->setup.uploads.aborts) ? ANSWERS_LEAVE_MS : STOP_WITHIN_MS);
}

void stored_stop(struct service_context *context)
{
    struct stored *stored = context->state;
    if (!stored)
        return;
    sessions_free(stored->sessions);
    loop_timer_stop(&stored->stop_timer);
    workspace_watch_free(stored->setup.watch);
    multipart_aborts_free(stored->setup.uploads.aborts);
    removal_queue_free(stored->setup.removals);
    work_dir_close(&stored->setup.work_dir);
    journal_close(stored->setup.journal);
    upload_info_cache_clear(&stored->upload_infos);
    free(stored->client_id);
    free(stored);
    context->state = NULL;
}

static char *describe_for_programs(const struct stored *stored, int64_t now_ms)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_int64_member(&writer, "sessions", (int64_t)sessions_count(stored->sessions));
    json_writer_int64_member(&writer, "transfer_count", (int64_t)stored->setup.transfers.count);
    json_writer_int64_member(&writer, "bytes_per_second", transfers_rate(&stored->setup.transfers, now_ms));
    json_writer_key(&writer, "transfers");
    transfers_write(&stored->setup.transfers, now_ms, &writer);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

void stored_describe(struct service_context *context, struct service_state *state)
{
    const struct stored *stored = context->state;
    int64_t now_ms = clock_boot_ms();
    size_t sessions = sessions_count(stored->sessions);
    size_t transfers = stored->setup.transfers.count;
    state->ready = !stored->stopping;
    int length = snprintf(state->summary, sizeof state->summary, "%zu %s open", sessions,
                          text_plural(sessions, "session", "sessions"));
    if (transfers)
        snprintf(state->summary + length, sizeof state->summary - (size_t)length, ", %zu %s at %.1f MiB/s",
                 transfers, text_plural(transfers, "transfer", "transfers"),
                 (double)transfers_rate(&stored->setup.transfers, now_ms) / BYTES_PER_MIB);
    state->details = describe_for_programs(stored, now_ms);
}
