#include "services/leased/leased.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/hex.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "services/leased/poller.h"
#include "services/leased/task/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 1000,
    CAPABILITIES_REPEAT_MS = 2000,
    DRAIN_WAIT_HOLD_MS = 5000,
    /* After the grace jobs are stopped and reports sent for so long, DMS reachable or not. posemesh-node
     * waits a second more before it stops us. */
    DRAIN_END_MS = 14000,
    DRAIN_HURRIED_END_MS = 9000
};

/* --- capabilities: authd registers what the runner hosts can do --- */

static void send_capabilities(struct leased *leased);

static void on_capabilities_set(void *context, const void *answer, const struct error *failure)
{
    struct leased *leased = context;
    (void)answer;
    leased->capabilities_call = NULL;
    leased->capabilities_due_ms = clock_boot_ms() + (failure ? TICK_MS : CAPABILITIES_REPEAT_MS);
    /* Tried again every second: one line for each silence of authd. */
    if (failure && !leased->capabilities_warned)
        log_warn("authd does not know the capabilities yet: %s", failure->text);
    leased->capabilities_warned = failure != NULL;
}

static void send_capabilities(struct leased *leased)
{
    const struct message_capabilities_set request = {.capabilities = leased->capabilities};
    if (!leased->capabilities_known || leased->capabilities_call ||
        clock_boot_ms() < leased->capabilities_due_ms)
        return;
    leased->capabilities_call = call_capabilities_set(leased->authd, &request, on_capabilities_set, leased);
}

/* A host that came or went makes what was being told out of date: it is told anew at once. */
static void on_capabilities_changed(void *context, const struct text_list *capabilities)
{
    struct leased *leased = context;
    text_list_clear(&leased->capabilities);
    for (size_t i = 0; i < capabilities->count; i++)
        text_list_add(&leased->capabilities, capabilities->items[i]);
    leased->capabilities_known = true;
    leased->capabilities_due_ms = 0;
    ipc_cancel(leased->capabilities_call);
    leased->capabilities_call = NULL;
    send_capabilities(leased);
}

/* --- the runner hosts --- */

static void on_slots_changed(void *context)
{
    struct leased *leased = context;
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_slots_changed(task);
    }
    poller_wake(leased->poller);
}

static void on_host_gone(void *context, struct runner_host *host)
{
    struct leased *leased = context;
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_host_gone(task, host);
    }
}

void leased_handle_host_hello(void *context, struct ipc_request *request, const void *message)
{
    struct leased *leased = ((struct service_context *)context)->state;
    const struct message_host_hello *hello = message;
    struct text_list expected = {NULL, 0};
    /* What either side does not know is ended: lost jobs here, by the host those that `expected` lacks. */
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_host_hello(task, hello->host_id, &hello->running);
    }
    for (struct task *task = leased->tasks; task; task = task_next(task))
        task_add_key_if_on_host(task, hello->host_id, &expected);
    runner_hosts_hello(leased->hosts, request, hello, &expected, clock_boot_ms());
    text_list_clear(&expected);
}

void leased_handle_host_next(void *context, struct ipc_request *request, const void *message)
{
    struct leased *leased = ((struct service_context *)context)->state;
    runner_hosts_next(leased->hosts, request, message, clock_boot_ms());
}

/* --- a job's news --- */

/* The key is the caller's right to speak for the task: an unknown one gets no hint whether there ever was
 * one. */
static struct task *find_task(void *context, const struct secret *key, struct ipc_request *request)
{
    struct leased *leased = ((struct service_context *)context)->state;
    struct task *task = task_find(leased, key);
    struct error error;
    if (!task) {
        error_set(&error, ERROR_NOT_FOUND, "no such task");
        ipc_fail(request, &error);
    }
    return task;
}

static void answer_outcome(struct ipc_request *request, bool ok, const struct error *error)
{
    if (ok)
        ipc_answer_done(request);
    else
        ipc_fail(request, error);
}

void leased_handle_task_progress(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_progress *progress = message;
    struct error error;
    struct task *task = find_task(context, &progress->task_key, request);
    if (task)
        answer_outcome(request, task_on_progress(task, progress->sequence, progress->progress, &error),
                       &error);
}

void leased_handle_task_event(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_event *event = message;
    struct error error;
    struct task *task = find_task(context, &event->task_key, request);
    if (task)
        answer_outcome(request, task_on_event(task, event->sequence, event->event, &error), &error);
}

void leased_handle_task_finish(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_finish *finish = message;
    struct task *task = find_task(context, &finish->task_key, request);
    if (!task)
        return;
    task_on_finish(task, finish->succeeded, finish->reason);
    ipc_answer_done(request);
}

/* A hint of stored, which may come twice or name a task that is long gone. */
static void on_domain_token_wanted(void *context, const void *message)
{
    struct leased *leased = context;
    const struct message_domain_token_wanted *wanted = message;
    for (struct task *task = leased->tasks; task; task = task_next(task))
        task_on_token_wanted(task, wanted->task_id, wanted->lost);
}

/* The task may be gone afterwards: its next one is known before. */
static void on_workspace_overrun(void *context, const void *message)
{
    struct leased *leased = context;
    const struct message_workspace_overrun *overrun = message;
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_overrun(task, overrun->task_id, overrun->used_bytes, overrun->limit_bytes);
    }
}

/* --- the end of a task --- */

/* A poll on its way may still bring a lease: posemesh-node must not stop us before it is known. */
static bool is_drained(const struct leased *leased)
{
    return leased->task_count == 0 && !poller_is_polling(leased->poller);
}

static void answer_drain_waiter(struct leased *leased)
{
    const struct message_drain_state state = {.drained = is_drained(leased),
                                              .leases = (int64_t)leased->task_count};
    struct ipc_request *waiter = leased->drain_waiter;
    leased->drain_waiter = NULL;
    ipc_answer(waiter, &state);
}

static void free_ended_tasks(void *context)
{
    struct leased *leased = context;
    task_free_ended(leased);
    if (leased->drain_waiter && is_drained(leased))
        answer_drain_waiter(leased);
}

void leased_on_task_ended(struct leased *leased, struct task *task, bool did_work)
{
    task_retire(task);
    loop_post(leased->service->loop, free_ended_tasks, leased);
    poller_on_task_ended(leased->poller, did_work);
}

/* --- drain --- */

/* A task may end while it is handled, so the next one is known before. */
static void drain_tasks(struct leased *leased, bool grace_over)
{
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_drain(task, grace_over);
    }
}

/* From here on a bound runs: what DMS, stored or a runner host keep waiting is given up at its end. */
static void end_grace(struct leased *leased, int64_t end_ms)
{
    if (leased->task_count)
        log_warn("the drain's grace is over: running jobs are cancelled");
    leased->drain_grace_over = true;
    loop_timer_start(&leased->drain_timer, end_ms);
    drain_tasks(leased, true);
}

static void give_up_tasks(struct leased *leased)
{
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_give_up(task);
    }
}

static void on_drain_timer(void *context)
{
    struct leased *leased = context;
    if (leased->drain_grace_over)
        give_up_tasks(leased);
    else
        end_grace(leased, DRAIN_END_MS);
}

void leased_handle_drain_start(void *context, struct ipc_request *request, const void *message)
{
    struct service_context *service = context;
    struct leased *leased = service->state;
    const struct message_drain_start *start = message;
    if (!leased->draining) {
        log_info("draining: %zu lease%s held", leased->task_count, leased->task_count == 1 ? "" : "s");
        leased->draining = true;
        poller_on_drain(leased->poller);
        loop_timer_start(&leased->drain_timer, service->settings.drain_grace_secs * 1000);
        drain_tasks(leased, false);
    }
    /* Once: a repeat must not move the end. */
    if (start->hurry && !leased->drain_hurried) {
        leased->drain_hurried = true;
        end_grace(leased, DRAIN_HURRIED_END_MS);
    }
    ipc_answer_done(request);
}

void leased_handle_drain_wait(void *context, struct ipc_request *request, const void *message)
{
    struct leased *leased = ((struct service_context *)context)->state;
    (void)message;
    /* A caller that asks again does not listen for the answer to its earlier request any more. */
    if (leased->drain_waiter)
        answer_drain_waiter(leased);
    leased->drain_waiter = request;
    leased->drain_wait_since_ms = clock_boot_ms();
    if (is_drained(leased))
        answer_drain_waiter(leased);
}

/* --- life --- */

static void on_tick(void *context)
{
    struct leased *leased = context;
    int64_t now_ms = clock_boot_ms();
    runner_hosts_tick(leased->hosts, now_ms);
    if (leased->drain_waiter &&
        (is_drained(leased) || now_ms - leased->drain_wait_since_ms >= DRAIN_WAIT_HOLD_MS))
        answer_drain_waiter(leased);
    send_capabilities(leased);
    loop_timer_start(&leased->tick, TICK_MS);
}

static void on_kept(void *context, const void *answer, const struct error *failure)
{
    struct leased *leased = context;
    (void)answer;
    leased->keep_call = NULL;
    if (failure)
        log_warn("stored keeps the sessions of an earlier leased: %s", failure->text);
}

/* Sessions outlive stored and us; those of an earlier start nobody else would close. */
static void disown_earlier_sessions(struct leased *leased)
{
    unsigned char bytes[(LEASED_ID_BYTES - 1) / 2];
    random_bytes(&leased->service->random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, leased->id);
    leased->keep_call = call_sessions_close_others(
        leased->stored, &(struct message_sessions_close_others){.owner = leased->id}, on_kept, leased);
}

bool leased_start(struct service_context *context, struct error *error)
{
    struct leased *leased = memory_allocate(sizeof *leased);
    const struct runner_hosts_events events = {.capabilities_changed = on_capabilities_changed,
                                               .slots_changed = on_slots_changed,
                                               .host_gone = on_host_gone,
                                               .context = leased};
    context->state = leased;
    leased->service = context;
    leased->hosts = runner_hosts_create(&events);
    leased->poller = poller_create(leased);
    loop_timer_init(&leased->tick, context->loop, on_tick, leased);
    loop_timer_init(&leased->drain_timer, context->loop, on_drain_timer, leased);
    leased->dms = dms_client_create(context, error);
    leased->authd = leased->dms ? ipc_client_create(context->ipc, ROLE_authd_token, error) : NULL;
    leased->stored = leased->authd ? ipc_client_create(context->ipc, ROLE_stored_session, error) : NULL;
    if (!leased->stored ||
        !ipc_subscribe(context->ipc, SERVICE_STORED, &message_domain_token_wanted_type,
                       on_domain_token_wanted, leased, error) ||
        !ipc_subscribe(context->ipc, SERVICE_STORED, &message_workspace_overrun_type, on_workspace_overrun,
                       leased, error))
        return false;
    disown_earlier_sessions(leased);
    loop_timer_start(&leased->tick, TICK_MS);
    return true;
}

void leased_stop(struct service_context *context)
{
    struct leased *leased = context->state;
    if (!leased)
        return;
    /* Not a drain: hosts and stored notice by themselves, and DMS gives the tasks out again. */
    leased->stopping = true;
    ipc_cancel(leased->keep_call);
    while (leased->tasks)
        task_retire(leased->tasks);
    task_free_ended(leased);
    poller_free(leased->poller);
    runner_hosts_free(leased->hosts);
    dms_client_free(leased->dms);
    text_list_clear(&leased->capabilities);
    loop_timer_stop(&leased->tick);
    loop_timer_stop(&leased->drain_timer);
    free(leased);
    context->state = NULL;
}

void leased_describe(struct service_context *context, struct service_state *state)
{
    const struct leased *leased = context->state;
    state->ready = runner_hosts_count(leased->hosts) > 0;
    int length = snprintf(state->summary, sizeof state->summary, "%s", poller_describe(leased->poller));
    if (leased->tasks)
        snprintf(state->summary + length, sizeof state->summary - (size_t)length, ": %zu task%s, one %s",
                 leased->task_count, leased->task_count == 1 ? "" : "s", task_describe(leased->tasks));
}
