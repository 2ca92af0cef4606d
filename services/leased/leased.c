#include "services/leased/leased.h"

#include "libcommon/clock.h"
#include "libcommon/log.h"
#include "libcommon/memory.h"
#include "services/leased/poller.h"
#include "services/leased/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000, CAPABILITIES_REPEAT_MS = 10000, DRAIN_WAIT_HOLD_MS = 5000 };

/* --- capabilities: authd registers what the runner hosts can do --- */

static void send_capabilities(struct leased *leased);

static void on_capabilities_set(void *context, const void *answer, const struct error *failure)
{
    struct leased *leased = context;
    (void)answer;
    leased->capabilities_call = NULL;
    leased->capabilities_due_ms = clock_boot_ms() + (failure ? TICK_MS : CAPABILITIES_REPEAT_MS);
    if (failure)
        log_warn("authd does not know the capabilities yet: %s", failure->text);
}

static void send_capabilities(struct leased *leased)
{
    const struct message_capabilities_set request = {.capabilities = leased->capabilities};
    if (!leased->capabilities_known || leased->capabilities_call ||
        clock_boot_ms() < leased->capabilities_due_ms)
        return;
    leased->capabilities_call = call_capabilities_set(leased->authd, &request, on_capabilities_set, leased);
}

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

static void on_domain_token_wanted(void *context, const void *message)
{
    struct leased *leased = context;
    const struct message_domain_token_wanted *wanted = message;
    for (struct task *task = leased->tasks; task; task = task_next(task))
        task_on_token_wanted(task, wanted->task_id);
}

/* --- the end of a task --- */

static void free_ended_tasks(void *context)
{
    task_free_ended(context);
}

void leased_on_task_ended(struct leased *leased, struct task *task, bool did_work)
{
    task_retire(task);
    loop_post(leased->service->loop, free_ended_tasks, leased);
    poller_on_task_ended(leased->poller, did_work);
}

/* --- drain --- */

static void answer_drain_waiter(struct leased *leased)
{
    const struct message_drain_state state = {.drained = leased->task_count == 0,
                                              .leases = (int64_t)leased->task_count};
    struct ipc_request *waiter = leased->drain_waiter;
    leased->drain_waiter = NULL;
    ipc_answer(waiter, &state);
}

static void drain_tasks(struct leased *leased, bool grace_over)
{
    for (struct task *task = leased->tasks, *next; task; task = next) {
        next = task_next(task);
        task_on_drain(task, grace_over);
    }
}

static void on_grace_over(void *context)
{
    log_warn("the drain's grace is over: running jobs are cancelled");
    drain_tasks(context, true);
}

void leased_handle_drain_start(void *context, struct ipc_request *request, const void *message)
{
    struct service_context *service = context;
    struct leased *leased = service->state;
    const struct message_drain_start *start = message;
    if (!leased->draining)
        log_info("draining: %zu lease%s held", leased->task_count, leased->task_count == 1 ? "" : "s");
    if (!leased->draining || start->hurry)
        loop_timer_start(&leased->drain_timer, start->hurry ? 0 : service->settings.drain_grace_secs * 1000);
    leased->draining = true;
    drain_tasks(leased, start->hurry);
    ipc_answer_done(request);
}

void leased_handle_drain_wait(void *context, struct ipc_request *request, const void *message)
{
    struct leased *leased = ((struct service_context *)context)->state;
    (void)message;
    if (leased->drain_waiter)
        answer_drain_waiter(leased);
    leased->drain_waiter = request;
    leased->drain_wait_since_ms = clock_boot_ms();
    if (leased->task_count == 0)
        answer_drain_waiter(leased);
}

/* --- life --- */

static void on_tick(void *context)
{
    struct leased *leased = context;
    int64_t now_ms = clock_boot_ms();
    runner_hosts_tick(leased->hosts, now_ms);
    if (leased->drain_waiter &&
        (leased->task_count == 0 || now_ms - leased->drain_wait_since_ms >= DRAIN_WAIT_HOLD_MS))
        answer_drain_waiter(leased);
    send_capabilities(leased);
    loop_timer_start(&leased->tick, TICK_MS);
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
    loop_timer_init(&leased->drain_timer, context->loop, on_grace_over, leased);
    leased->dms = dms_client_create(context, error);
    leased->authd = leased->dms ? ipc_client_create(context->ipc, ROLE_authd_token, error) : NULL;
    leased->stored = leased->authd ? ipc_client_create(context->ipc, ROLE_stored_session, error) : NULL;
    if (!leased->stored || !ipc_subscribe(context->ipc, SERVICE_STORED, &message_domain_token_wanted_type,
                                          on_domain_token_wanted, leased, error))
        return false;
    loop_timer_start(&leased->tick, TICK_MS);
    return true;
}

void leased_stop(struct service_context *context)
{
    struct leased *leased = context->state;
    if (!leased)
        return;
    leased->stopping = true;
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
