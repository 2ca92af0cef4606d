/* What is asked of leased, and the events that it hears: the functions in main.c's tables. */
#include "services/leased/leased.h"

#include "libcommon/base/clock.h"

static struct leased *leased_of(void *context)
{
    return ((struct service_context *)context)->state;
}

/* --- runner hosts --- */

void leased_handle_host_hello(void *context, struct ipc_request *request, const void *message)
{
    struct leased *leased = leased_of(context);
    const struct message_host_hello *hello = message;
    struct text_list expected = {NULL, 0};
    struct task *task;
    /* What either side does not know is ended: lost jobs here, by the host those that `expected` lacks. */
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_on_host_hello(task, hello->host_id, &hello->running);
    for (size_t at = 0; (task = leased_next_task(leased, &at));)
        task_add_key_if_on_host(task, hello->host_id, &expected);
    runner_hosts_hello(leased->hosts, request, hello, &expected, clock_boot_ms());
    text_list_clear(&expected);
}

void leased_handle_host_next(void *context, struct ipc_request *request, const void *message)
{
    runner_hosts_next(leased_of(context)->hosts, request, message, clock_boot_ms());
}

/* --- jobs --- */

/* The key is the caller's right to speak for the task: an unknown one gets no hint whether there ever was
 * one. */
static struct task *find_task(void *context, const struct secret *key, struct ipc_request *request)
{
    struct error error;
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased_of(context), &at));)
        if (task_has_key(task, key))
            return task;
    error_set(&error, ERROR_NOT_FOUND, "no such task");
    ipc_fail(request, &error);
    return NULL;
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
        answer_outcome(request,
                       task_on_update(task, pending_updates_set_progress, progress->sequence,
                                      progress->progress, &error),
                       &error);
}

void leased_handle_task_event(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_event *event = message;
    struct error error;
    struct task *task = find_task(context, &event->task_key, request);
    if (task)
        answer_outcome(request,
                       task_on_update(task, pending_updates_add_event, event->sequence, event->event, &error),
                       &error);
}

void leased_handle_task_finish(void *context, struct ipc_request *request, const void *message)
{
    const struct message_task_finish *finish = message;
    struct task *task = find_task(context, &finish->task_key, request);
    if (!task)
        return;
    task_on_finish(task, finish);
    ipc_answer_done(request);
}

/* --- the drain --- */

void leased_handle_drain_start(void *context, struct ipc_request *request, const void *message)
{
    const struct message_drain_start *start = message;
    leased_begin_drain(leased_of(context), start->hurry);
    ipc_answer_done(request);
}

void leased_handle_drain_wait(void *context, struct ipc_request *request, const void *message)
{
    (void)message;
    leased_wait_for_drain(leased_of(context), request);
}

/* --- stored's events: hints, which may come twice or name a task that is long gone --- */

void leased_handle_domain_token_wanted(void *context, const void *message)
{
    const struct message_domain_token_wanted *wanted = message;
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased_of(context), &at));)
        task_on_token_wanted(task, wanted->task_id, wanted->lost);
}

void leased_handle_workspace_overrun(void *context, const void *message)
{
    const struct message_workspace_overrun *overrun = message;
    struct task *task;
    for (size_t at = 0; (task = leased_next_task(leased_of(context), &at));)
        task_on_overrun(task, overrun->task_id, overrun->used_bytes, overrun->limit_bytes);
}
