/* A task's session at stored: one for each lease. */
#include "libcommon/base/memory.h"
#include "services/leased/task/task_internal.h"

#include <stdlib.h>

enum { COLLECT_ATTEMPTS_MAX = 3 };

static void send_update(struct task *task);

static void on_opened(void *context, const void *answer, const struct error *failure)
{
    struct task *task = context;
    const struct message_session_opened *opened = answer;
    task->storage_call = NULL;
    if (failure) {
        task->setup_stage = "build_ports";
        task_set_reason(task, "%s", failure->text);
        task_event(task, TASK_EVENT_OPEN_FAILED);
        return;
    }
    memory_replace_text(&task->workspace, opened->workspace);
    task->session_ready = true;
    task_storage_update(task);
    task_event(task, TASK_EVENT_OPENED);
}

void task_storage_open(struct task *task)
{
    const struct lease *lease = &task->lease;
    if (!lease->domain_id || !lease->server_url) {
        task->setup_stage = "build_ports";
        task_set_reason(task, "the lease has no %s", lease->domain_id ? "domain_server_url" : "domain_id");
        task_event(task, TASK_EVENT_STORAGE_MISSING);
        return;
    }
    if (!lease->access_token.length)
        log_write(LOG_LEVEL_WARN, &task->log,
                  "the lease has no domain token: storage requests go without one");
    const struct message_session_open request = {.task_key = task->key,
                                                 .task_id = task->local_id,
                                                 .job_id = lease->job_id,
                                                 .capability = lease->capability,
                                                 .domain_id = lease->domain_id,
                                                 .server_url = lease->server_url,
                                                 .outputs_prefix = lease->outputs_prefix,
                                                 .access_token = lease->access_token,
                                                 .lease_ends_boot_ms = task->clock.fence_boot_ms,
                                                 .owner = task->leased->id};
    task->session_opened = true;
    task->update_owed = false;
    task->storage_call = call_session_open(task->leased->stored, &request, on_opened, task);
}

static void on_updated(void *context, const void *answer, const struct error *failure)
{
    struct task *task = context;
    (void)answer;
    task->update_call = NULL;
    /* Owed until stored has it: the next heartbeat's answer tries again. A session that is gone fails the
     * job's next transfer. */
    if (failure) {
        task->update_owed = true;
        log_write(task->session_ready ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, &task->log,
                  "stored did not take the new token: %s", failure->text);
    } else {
        task_storage_update(task);
    }
}

static void send_update(struct task *task)
{
    const struct message_session_update request = {.task_key = task->key,
                                                   .access_token = task->lease.access_token,
                                                   .lease_ends_boot_ms = task->clock.fence_boot_ms};
    task->update_owed = false;
    task->update_call = call_session_update(task->leased->stored, &request, on_updated, task);
}

void task_storage_update(struct task *task)
{
    /* One at a time, after the opening, keeps them in order; the next carries whatever is newest then. */
    if (task->update_owed && task->session_ready && !task->update_call)
        send_update(task);
}

static void on_cancelled(void *context, const void *answer, const struct error *failure)
{
    struct task *task = context;
    (void)answer;
    (void)failure;
    task->cancel_call = NULL;
}

/* The host is told to stop as well; this aborts uploads at once, whatever the host does. */
void task_storage_cancel(struct task *task)
{
    const struct message_session_cancel request = {.task_key = task->key,
                                                   .access_token = task->lease.access_token};
    if (task->session_opened)
        task->cancel_call = call_session_cancel(task->leased->stored, &request, on_cancelled, task);
}

static void on_collected(void *context, const void *answer, const struct error *failure)
{
    struct task *task = context;
    task->storage_call = NULL;
    /* The artifacts are stored: a stored that is only slow must not turn finished work into a failure. */
    bool silent = failure && (failure->code == ERROR_TIMEOUT || failure->code == ERROR_UNAVAILABLE);
    if (silent && ++task->collect_attempts < COLLECT_ATTEMPTS_MAX) {
        task_storage_collect(task);
        return;
    }
    if (failure) {
        log_write(LOG_LEVEL_WARN, &task->log, "the list of artifacts is lost: %s", failure->text);
        task_set_reason(task, "the list of artifacts is lost: %s", failure->text);
        task_event(task, TASK_EVENT_COLLECT_FAILED);
        return;
    }
    message_clear(&message_artifacts_type, &task->artifacts);
    message_copy(&message_artifacts_type, &task->artifacts, answer);
    task_event(task, TASK_EVENT_COLLECTED);
}

void task_storage_collect(struct task *task)
{
    const struct message_session_artifacts request = {.task_key = task->key};
    task->storage_call = call_session_artifacts(task->leased->stored, &request, on_collected, task);
}

static void on_closed(void *context, const void *answer, const struct error *failure)
{
    struct task *task = context;
    (void)answer;
    task->storage_call = NULL;
    /* stored sweeps left-overs when it starts. */
    if (failure && failure->code != ERROR_NOT_FOUND)
        log_write(LOG_LEVEL_WARN, &task->log, "the workspace may be left over: %s", failure->text);
    task_event(task, TASK_EVENT_CLOSED);
}

void task_storage_close(struct task *task)
{
    const struct message_session_close request = {.task_key = task->key,
                                                  .access_token = task->lease.access_token};
    task->session_ready = false;
    if (!task->session_opened) {
        task_event(task, TASK_EVENT_CLOSED);
        return;
    }
    /* Closing while opening: the open's answer is of no interest any more. */
    ipc_cancel(task->storage_call);
    task->storage_call = call_session_close(task->leased->stored, &request, on_closed, task);
}

void task_storage_stop(struct task *task)
{
    ipc_cancel(task->storage_call);
    ipc_cancel(task->update_call);
    ipc_cancel(task->cancel_call);
    task->storage_call = NULL;
    task->update_call = NULL;
    task->cancel_call = NULL;
}
