#include "services/stored/stored.h"

#include "libcommon/clock.h"
#include "libcommon/json_writer.h"
#include "libcommon/memory.h"
#include "libcommon/text.h"
#include "libcommon/uuid.h"
#include "services/stored/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    SHARED_UMASK = 007,   /* what we make in workspaces is the group's, too */
    STOP_WITHIN_MS = 1500 /* for servers to hear of uploads that end with us */
};

static char *make_client_id(const char *configured, struct random *random)
{
    uint8_t bytes[UUID_BYTES];
    char uuid[UUID_TEXT_BYTES];
    if (!text_is_blank(configured))
        return memory_copy_text(configured);
    random_bytes(random, bytes, sizeof bytes);
    return memory_format("posemesh-compute-node/%s", uuid_format_random(bytes, uuid));
}

static void publish_token_wanted(void *opaque, const char *task_id)
{
    const struct stored *stored = opaque;
    struct message_domain_token_wanted wanted = {.task_id = memory_copy_text(task_id)};
    ipc_publish(stored->context->ipc, &message_domain_token_wanted_type, &wanted);
    message_clear(&message_domain_token_wanted_type, &wanted);
}

void stored_publish_overrun(const struct stored *stored, const char *task_id, int64_t used_bytes,
                            int64_t limit_bytes)
{
    struct message_workspace_overrun overrun = {
        .task_id = memory_copy_text(task_id), .used_bytes = used_bytes, .limit_bytes = limit_bytes};
    ipc_publish(stored->context->ipc, &message_workspace_overrun_type, &overrun);
    message_clear(&message_workspace_overrun_type, &overrun);
}

static void publish_progress(void *opaque, const struct message_transfer_progress *progress)
{
    const struct stored *stored = opaque;
    ipc_publish(stored->context->ipc, &message_transfer_progress_type, progress);
}

/* Sessions do not outlive the process, so no workspace that lies there has one. */
static void remove_leftover(void *opaque, const char *name)
{
    struct stored *stored = opaque;
    log_info("removing %s, left by an earlier run", name);
    removal_queue_add(stored->removals, name, NULL, NULL);
}

/*
 * What is in the queue is removed while sessions may already be opened, so a workspace that a session may
 * want is moved aside first.
 */
static void sweep_leftover(void *opaque, const char *name)
{
    struct stored *stored = opaque;
    struct error error;
    char *retired = NULL;
    if (!uuid_is_valid(name)) {
        remove_leftover(stored, name);
        return;
    }
    if (!workspace_retire(&stored->work_dir, name, &retired, &error))
        log_warn("a left-over workspace stays: %s", error.text);
    if (retired)
        remove_leftover(stored, retired);
    free(retired);
}

static void collect(void *opaque, const char *name)
{
    text_list_add(opaque, name);
}

static bool sweep(struct stored *stored, struct error *error)
{
    /* Collected first: moving folders while reading their folder could show some twice. */
    struct text_list names = {0};
    bool ok = work_dir_visit_leftovers(&stored->work_dir, collect, &names, error);
    for (size_t i = 0; ok && i < names.count; i++)
        sweep_leftover(stored, names.items[i]);
    text_list_clear(&names);
    return ok;
}

static void on_stop_due(void *opaque)
{
    struct stored *stored = opaque;
    service_stop(stored->context);
}

static void on_aborts_idle(void *opaque)
{
    struct stored *stored = opaque;
    if (stored->stopping)
        loop_timer_start(&stored->stop_timer, 0);
}

bool stored_start(struct service_context *context, struct error *error)
{
    const struct settings *settings = &context->settings;
    struct stored *stored = memory_allocate(sizeof *stored);
    context->state = stored;
    stored->context = context;
    stored->work_dir.fd = -1;
    umask(SHARED_UMASK);
    stored->client_id = make_client_id(settings->client_id, &context->random);
    stored->client = (struct domain_client){.loop = context->loop,
                                            .http = context->http,
                                            .random = &context->random,
                                            .client_id = stored->client_id,
                                            .request_timeout_ms = settings->request_timeout_secs * 1000,
                                            .want_token = publish_token_wanted,
                                            .context = stored};
    stored->multipart_min_bytes = settings->multipart_min_bytes;
    stored->upload_concurrency = (size_t)settings->upload_concurrency;
    stored->workspace_max_bytes = settings->workspace_max_bytes;
    stored->aborts = multipart_aborts_create(on_aborts_idle, stored);
    stored->watch = workspace_watch_create(context->loop, stored->workspace_max_bytes);
    transfers_init(&stored->transfers, context->loop, publish_progress, stored);
    loop_timer_init(&stored->stop_timer, context->loop, on_stop_due, stored);
    if (!work_dir_open(&stored->work_dir, settings->work_dir, error))
        return false;
    stored->removals = removal_queue_create(context->loop, stored->work_dir.fd);
    log_info("client id %s", stored->client_id);
    return sweep(stored, error);
}

void stored_terminate(struct service_context *context)
{
    struct stored *stored = context->state;
    struct error reason;
    error_set(&reason, ERROR_UNAVAILABLE, "stored is stopping");
    stored->stopping = true;
    for (struct session *session = stored->sessions; session; session = session->next)
        session_cancel(session, &reason);
    /* Also without aborts a moment goes by, in which the answers leave. */
    loop_timer_start(&stored->stop_timer, multipart_aborts_idle(stored->aborts) ? 50 : STOP_WITHIN_MS);
}

void stored_stop(struct service_context *context)
{
    struct stored *stored = context->state;
    if (!stored)
        return;
    while (stored->sessions)
        session_drop(stored->sessions);
    loop_timer_stop(&stored->stop_timer);
    workspace_watch_free(stored->watch);
    multipart_aborts_free(stored->aborts);
    removal_queue_free(stored->removals);
    work_dir_close(&stored->work_dir);
    upload_info_cache_clear(&stored->upload_infos);
    free(stored->client_id);
    free(stored);
    context->state = NULL;
}

static char *describe_for_programs(const struct stored *stored, int64_t now_ms)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "sessions");
    json_writer_int64(&writer, (int64_t)stored->session_count);
    json_writer_key(&writer, "transfer_count");
    json_writer_int64(&writer, (int64_t)stored->transfers.count);
    json_writer_key(&writer, "bytes_per_second");
    json_writer_int64(&writer, transfers_rate(&stored->transfers, now_ms));
    json_writer_key(&writer, "transfers");
    transfers_write(&stored->transfers, now_ms, &writer);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

void stored_describe(struct service_context *context, struct service_state *state)
{
    const struct stored *stored = context->state;
    int64_t now_ms = clock_boot_ms();
    size_t transfers = stored->transfers.count;
    state->ready = !stored->stopping;
    int length = snprintf(state->summary, sizeof state->summary, "%zu session%s open", stored->session_count,
                          stored->session_count == 1 ? "" : "s");
    if (transfers)
        snprintf(state->summary + length, sizeof state->summary - (size_t)length,
                 ", %zu transfer%s at %.1f MB/s", transfers, transfers == 1 ? "" : "s",
                 (double)transfers_rate(&stored->transfers, now_ms) / 1e6);
    state->details = describe_for_programs(stored, now_ms);
}
