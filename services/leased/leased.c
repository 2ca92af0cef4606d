#include "services/leased/leased.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/hex.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 1000,
    DRAIN_WAIT_HOLD_MS = 5000,
    /* After the grace jobs are stopped and reports sent for so long, DMS reachable or not. posemesh-node
     * waits a second more before it stops us. */
    DRAIN_END_MS = 14000,
    DRAIN_HURRIED_END_MS = 9000
};

/* --- who waits for the drain's end --- */

/* A poll on its way may still bring a lease: posemesh-node must not stop us before it is known. */
static bool is_drained(const struct leased *leased)
{
    return leased_count(leased) == 0 && !poller_is_polling(leased->poller);
}

static void answer_drain_waiter(struct leased *leased)
{
    struct ipc_request *waiter = leased->drain.waiter;
    const struct message_drain_state state = {.drained = is_drained(leased),
                                              .leases = (int64_t)leased_count(leased)};
    leased->drain.waiter = NULL;
    ipc_answer(waiter, &state);
}

/* A task has ended, or a second has passed: perhaps all is drained now. */
static void look_at_drain(struct leased *leased)
{
    if (leased->drain.waiter &&
        (is_drained(leased) || clock_boot_ms() - leased->drain.wait_since_ms >= DRAIN_WAIT_HOLD_MS))
        answer_drain_waiter(leased);
}

void leased_wait_for_drain(struct leased *leased, struct ipc_request *request)
{
    /* A caller that asks again does not listen for the answer to its earlier request any more. */
    if (leased->drain.waiter)
        answer_drain_waiter(leased);
    leased->drain.waiter = request;
    leased->drain.wait_since_ms = clock_boot_ms();
    look_at_drain(leased);
}

/* --- tasks that end, and new leases --- */

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
    look_at_drain(leased);
}

static void on_task_ended(void *context, bool did_work)
{
    struct leased *leased = context;
    loop_post(leased->service->loop, free_ended_tasks, leased);
    poller_on_task_ended(leased->poller, did_work);
}

static bool take_lease(void *context, struct lease *lease, int64_t server_unix_ms, int64_t sent_boot_ms)
{
    struct leased *leased = context;
    char text[LIMIT_NAME_BYTES + 64];
    /* Leased by a poll that was under way when the drain began: another node can have it at once. */
    if (leased->drain.begun) {
        leased_add_task(leased,
                        task_create_refused(&leased->surroundings, lease, "start_session", "node_draining"));
        return true;
    }
    if (runner_hosts_offer(leased->hosts, lease->capability)) {
        leased_add_task(leased, task_create(&leased->surroundings, lease, server_unix_ms, sent_boot_ms));
        return true;
    }
    /* docs/network.md 3.2, 1. DMS may not have heard yet that the capability is gone. */
    text_format(text, sizeof text, "capability %s is not registered here", lease->capability);
    log_warn("task %s: %s", lease->task_id, text);
    leased_add_task(leased, task_create_refused(&leased->surroundings, lease, "start_session", text));
    return false;
}

static void take_unreadable_lease(void *context, struct lease *lease, const char *text)
{
    struct leased *leased = context;
    leased_add_task(leased, task_create_refused(&leased->surroundings, lease, "decode_lease", text));
}

static void on_poll_state(void *context)
{
    leased_look_at_waits(context);
}

/* --- the runner hosts --- */

static void on_capabilities_changed(void *context, const struct text_list *capabilities,
                                    const struct text_list *mended)
{
    struct leased *leased = context;
    struct text_list known = runner_hosts_known(leased->hosts);
    capability_announcer_set(leased->announcer, capabilities);
    capability_rests_on_hosts(&leased->rests, mended, &known, clock_boot_ms());
    text_list_clear(&known);
}

static void on_slots_changed(void *context)
{
    struct leased *leased = context;
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_on_slots_changed(task);
    poller_wake(leased->poller);
    leased_look_at_waits(leased);
}

static void on_host_gone(void *context, struct runner_host *host)
{
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(context, &at));)
        task_on_host_gone(task, host);
}

/* --- the drain --- */

static void drain_tasks(struct leased *leased)
{
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_on_drain(task, leased->drain.grace_over);
}

/* From here on a bound runs: what DMS, stored or a runner host keep waiting is given up at its end. */
static void end_grace(struct leased *leased, int64_t end_ms)
{
    if (leased_count(leased))
        log_warn("%s: running jobs are cancelled", leased->drain.hurried
                                                       ? "asked once more to end, and not to wait"
                                                       : "the drain's grace (DRAIN_GRACE_SECS) is over");
    leased->drain.grace_over = true;
    loop_timer_start(&leased->drain.timer, end_ms);
    drain_tasks(leased);
}

static void on_drain_timer(void *context)
{
    struct leased *leased = context;
    struct task *task;
    if (!leased->drain.grace_over) {
        end_grace(leased, DRAIN_END_MS);
        return;
    }
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_give_up(task);
}

void leased_begin_drain(struct leased *leased, bool hurry)
{
    struct drain *drain = &leased->drain;
    if (!drain->begun) {
        size_t leases = leased_count(leased);
        log_info("draining: %zu %s held%s", leases, text_plural(leases, "lease", "leases"),
                 leases && !hurry ? "; a second signal cancels what runs" : "");
        drain->begun = true;
        loop_timer_start(&drain->timer, leased->service->settings.drain_grace_secs * 1000);
        poller_on_drain(leased->poller);
        drain_tasks(leased);
    }
    /* Once: a repeat must not move the end. */
    if (hurry && !drain->hurried) {
        drain->hurried = true;
        end_grace(leased, DRAIN_HURRIED_END_MS);
    }
}

/* --- life --- */

static void on_tick(void *context)
{
    struct leased *leased = context;
    runner_hosts_tick(leased->hosts, clock_boot_ms());
    look_at_drain(leased);
    /* A rest may be over, or the disk have room again. */
    poller_wake(leased->poller);
    leased_look_at_waits(leased);
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
    leased->dms = (struct dms_client){service->http, leased->authd, settings->dms_base_url, &leased->reach};
    login_watch_init(&leased->login, leased->authd);
    leased->announcer = capability_announcer_create(service->loop, leased->authd);
    leased->hosts =
        runner_hosts_create(&(struct runner_hosts_events){.capabilities_changed = on_capabilities_changed,
                                                          .slots_changed = on_slots_changed,
                                                          .host_gone = on_host_gone,
                                                          .context = leased});
    leased->poller =
        poller_create(&(struct poller_options){.loop = service->loop,
                                               .random = &service->random,
                                               .dms = &leased->dms,
                                               .request_timeout_ms = settings->request_timeout_secs * 1000,
                                               .idle_min_ms = settings->poll_backoff_ms_min,
                                               .idle_max_ms = settings->poll_backoff_ms_max,
                                               .may_poll = leased_may_poll,
                                               .take = take_lease,
                                               .take_unreadable = take_unreadable_lease,
                                               .on_state = on_poll_state,
                                               .context = leased});
}

static void make_surroundings(struct leased *leased)
{
    struct service_context *service = leased->service;
    const struct settings *settings = &service->settings;
    leased->surroundings = (struct task_surroundings){
        .loop = service->loop,
        .random = &service->random,
        .dms = &leased->dms,
        .stored = leased->stored,
        .hosts = leased->hosts,
        .owner = leased->id,
        .heartbeat_rules = {.jitter_ms = settings->heartbeat_jitter_ms,
                            .min_ratio = settings->heartbeat_min_ratio,
                            .max_ratio = settings->heartbeat_max_ratio,
                            .request_timeout_ms = settings->request_timeout_secs * 1000},
        .on_ended = on_task_ended,
        .on_job_ended = leased_on_job_ended,
        .context = leased};
}

bool leased_start(struct service_context *context, struct error *error)
{
    struct leased *leased = memory_allocate(sizeof *leased);
    context->state = leased;
    leased->service = context;
    loop_timer_init(&leased->tick, context->loop, on_tick, leased);
    loop_timer_init(&leased->drain.timer, context->loop, on_drain_timer, leased);
    leased->authd = ipc_client_create(context->ipc, ROLE_authd_token, error);
    leased->stored = leased->authd ? ipc_client_create(context->ipc, ROLE_stored_session, error) : NULL;
    if (!leased->stored)
        return false;
    make_parts(leased);
    make_surroundings(leased);
    disown_earlier_sessions(leased);
    leased_begin_waits(leased);
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
    login_watch_clear(&leased->login);
    for (size_t i = 0; i < leased->task_count; i++)
        task_free(leased->tasks[i]);
    free(leased->tasks);
    loop_timer_stop(&leased->drain.timer);
    poller_free(leased->poller);
    runner_hosts_free(leased->hosts);
    capability_announcer_free(leased->announcer);
    capability_rests_clear(&leased->rests);
    free(leased->polled_capability);
    loop_timer_stop(&leased->tick);
    free(leased);
    context->state = NULL;
}
