#include "services/leased/leased.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/hex.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000 };

/* --- the tasks --- */

struct task *leased_next_task(const struct leased *leased, size_t *at)
{
    while (*at < leased->task_count) {
        struct task *task = leased->tasks[(*at)++];
        if (!task_has_ended(task))
            return task;
    }
    return NULL;
}

static size_t count_leases(void *context)
{
    size_t count = 0;
    for (size_t at = 0; leased_next_task(context, &at);)
        count++;
    return count;
}

static void add_task(struct leased *leased, struct task *task)
{
    leased->tasks = memory_resize_array(leased->tasks, leased->task_count + 1, sizeof(struct task *));
    leased->tasks[leased->task_count++] = task;
}

/* In a turn of its own: who called the task that ended may still look at it. */
static void free_ended_tasks(void *context)
{
    struct leased *leased = context;
    size_t kept = 0;
    for (size_t i = 0; i < leased->task_count; i++)
        if (task_has_ended(leased->tasks[i]))
            task_free(leased->tasks[i]);
        else
            leased->tasks[kept++] = leased->tasks[i];
    leased->task_count = kept;
    lease_drain_look(leased->drain);
}

static void on_task_ended(void *context, bool did_work)
{
    struct leased *leased = context;
    loop_post(leased->service->loop, free_ended_tasks, leased);
    poller_on_task_ended(leased->poller, did_work);
}

/* --- new leases --- */

/* A task that nobody here could run, or that has no slot, is better left to another node. */
static bool may_poll(void *context)
{
    const struct leased *leased = context;
    return runner_hosts_can_work(leased->hosts) &&
           count_leases(context) < (size_t)leased->service->settings.max_concurrency;
}

static bool take_lease(void *context, struct lease *lease, int64_t server_unix_ms, int64_t sent_boot_ms)
{
    struct leased *leased = context;
    char text[LIMIT_NAME_BYTES + 64];
    /* Leased by a poll that was under way when the drain began: another node can have it at once. */
    if (lease_drain_has_begun(leased->drain)) {
        add_task(leased, task_create_refused(&leased->surroundings, lease, NULL, "node_draining"));
        return true;
    }
    if (runner_hosts_offer(leased->hosts, lease->capability)) {
        add_task(leased, task_create(&leased->surroundings, lease, server_unix_ms, sent_boot_ms));
        return true;
    }
    /* docs/network.md 3.2, 1. DMS may not have heard yet that the capability is gone. */
    snprintf(text, sizeof text, "capability %s is not registered here", lease->capability);
    log_warn("task %s: %s", lease->task_id, text);
    add_task(leased, task_create_refused(&leased->surroundings, lease, "start_session", text));
    return false;
}

static void take_unreadable_lease(void *context, struct lease *lease, const char *text)
{
    struct leased *leased = context;
    add_task(leased, task_create_refused(&leased->surroundings, lease, "decode_lease", text));
}

/* --- the runner hosts --- */

static void on_capabilities_changed(void *context, const struct text_list *capabilities)
{
    const struct leased *leased = context;
    capability_announcer_set(leased->announcer, capabilities);
}

static void on_slots_changed(void *context)
{
    struct leased *leased = context;
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_on_slots_changed(task);
    poller_wake(leased->poller);
}

static void on_host_gone(void *context, struct runner_host *host)
{
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(context, &at));)
        task_on_host_gone(task, host);
}

/* --- the drain --- */

/* A poll on its way may still bring a lease: posemesh-node must not stop us before it is known. */
static bool is_drained(void *context)
{
    const struct leased *leased = context;
    return count_leases(context) == 0 && !poller_is_polling(leased->poller);
}

static void on_drain_phase(void *context, enum drain_phase phase)
{
    struct leased *leased = context;
    struct task *task;
    if (phase == DRAIN_BEGUN)
        poller_on_drain(leased->poller);
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        if (phase == DRAIN_BOUND_REACHED)
            task_give_up(task);
        else
            task_on_drain(task, phase == DRAIN_GRACE_OVER);
}

/* --- life --- */

static void on_tick(void *context)
{
    struct leased *leased = context;
    runner_hosts_tick(leased->hosts, clock_boot_ms());
    lease_drain_look(leased->drain);
    loop_timer_start(&leased->tick, TICK_MS);
}

static void on_others_closed(void *context, const void *answer, const struct error *failure)
{
    struct leased *leased = context;
    (void)answer;
    leased->close_others_call = NULL;
    if (failure)
        log_warn("stored keeps the sessions of an earlier leased: %s", failure->text);
}

/* Sessions outlive stored and us; those of an earlier start nobody else would close. */
static void disown_earlier_sessions(struct leased *leased)
{
    unsigned char bytes[(LEASED_ID_BYTES - 1) / 2];
    random_bytes(&leased->service->random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, leased->id);
    leased->close_others_call = call_sessions_close_others(
        leased->stored, &(struct message_sessions_close_others){.owner = leased->id}, on_others_closed,
        leased);
}

static void make_parts(struct leased *leased)
{
    struct service_context *service = leased->service;
    const struct settings *settings = &service->settings;
    int64_t timeout_ms = settings->request_timeout_secs * 1000;
    leased->dms = dms_client_create(service->http, leased->authd, settings->dms_base_url);
    leased->announcer = capability_announcer_create(service->loop, leased->authd);
    leased->outbox = outbox_create(service->loop, &service->random, leased->dms, timeout_ms);
    leased->hosts =
        runner_hosts_create(&(struct runner_hosts_events){.capabilities_changed = on_capabilities_changed,
                                                          .slots_changed = on_slots_changed,
                                                          .host_gone = on_host_gone,
                                                          .context = leased});
    leased->poller = poller_create(&(struct poller_options){.loop = service->loop,
                                                            .random = &service->random,
                                                            .dms = leased->dms,
                                                            .request_timeout_ms = timeout_ms,
                                                            .idle_min_ms = settings->poll_backoff_ms_min,
                                                            .idle_max_ms = settings->poll_backoff_ms_max,
                                                            .may_poll = may_poll,
                                                            .take = take_lease,
                                                            .take_unreadable = take_unreadable_lease,
                                                            .context = leased});
    leased->drain = lease_drain_create(service->loop, settings->drain_grace_secs * 1000,
                                       &(struct lease_drain_events){.on_phase = on_drain_phase,
                                                                    .is_drained = is_drained,
                                                                    .count_leases = count_leases,
                                                                    .context = leased});
}

static void make_surroundings(struct leased *leased)
{
    struct service_context *service = leased->service;
    const struct settings *settings = &service->settings;
    leased->surroundings = (struct task_surroundings){
        .loop = service->loop,
        .random = &service->random,
        .dms = leased->dms,
        .stored = leased->stored,
        .hosts = leased->hosts,
        .outbox = leased->outbox,
        .owner = leased->id,
        .heartbeat_rules = {.jitter_ms = settings->heartbeat_jitter_ms,
                            .min_ratio = settings->heartbeat_min_ratio,
                            .max_ratio = settings->heartbeat_max_ratio,
                            .request_timeout_ms = settings->request_timeout_secs * 1000},
        .on_ended = on_task_ended,
        .context = leased};
}

bool leased_start(struct service_context *context, struct error *error)
{
    struct leased *leased = memory_allocate(sizeof *leased);
    context->state = leased;
    leased->service = context;
    loop_timer_init(&leased->tick, context->loop, on_tick, leased);
    leased->authd = ipc_client_create(context->ipc, ROLE_authd_token, error);
    leased->stored = leased->authd ? ipc_client_create(context->ipc, ROLE_stored_session, error) : NULL;
    if (!leased->stored)
        return false;
    make_parts(leased);
    make_surroundings(leased);
    disown_earlier_sessions(leased);
    loop_timer_start(&leased->tick, TICK_MS);
    return true;
}

/* Not a drain: hosts and stored notice by themselves, and DMS gives the tasks out again. */
void leased_stop(struct service_context *context)
{
    struct leased *leased = context->state;
    if (!leased)
        return;
    ipc_cancel(leased->close_others_call);
    for (size_t i = 0; i < leased->task_count; i++)
        task_free(leased->tasks[i]);
    free(leased->tasks);
    lease_drain_free(leased->drain);
    poller_free(leased->poller);
    outbox_free(leased->outbox);
    runner_hosts_free(leased->hosts);
    capability_announcer_free(leased->announcer);
    dms_client_free(leased->dms);
    loop_timer_stop(&leased->tick);
    free(leased);
    context->state = NULL;
}

static const char *describe_work(const struct leased *leased)
{
    if (lease_drain_has_begun(leased->drain))
        return "draining";
    if (!runner_hosts_can_work(leased->hosts))
        return "waiting for a runner host";
    if (poller_is_failing(leased->poller))
        return "cannot reach DMS or log in";
    return leased->task_count ? "working" : "waiting for work";
}

void leased_describe(struct service_context *context, struct service_state *state)
{
    struct leased *leased = context->state;
    size_t at = 0;
    size_t leases = count_leases(leased);
    const struct task *first = leased_next_task(leased, &at);
    state->ready = runner_hosts_count(leased->hosts) > 0;
    int length = snprintf(state->summary, sizeof state->summary, "%s", describe_work(leased));
    if (first)
        snprintf(state->summary + length, sizeof state->summary - (size_t)length, ": %zu task%s, one %s",
                 leases, leases == 1 ? "" : "s", task_describe(first));
}
