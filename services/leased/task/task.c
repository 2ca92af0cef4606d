#include "services/leased/task/task.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/hex.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/leased/dms/report.h"
#include "services/leased/task/heartbeater.h"
#include "services/leased/task/host_slot.h"
#include "services/leased/task/outbox.h"
#include "services/leased/task/storage_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_KEY_BYTES = 33 }; /* 32 hex digits */

struct task {
    struct task_driver driver; /* of what works for it */
    struct secret key;
    char *local_id; /* the task id as it stood after the first heartbeat: names workspace and artifacts */
    struct log_task log; /* borrows from lease and local_id */
    struct lease lease;
    struct task_life life;
    int64_t created_boot_ms;
    int64_t started_boot_ms; /* the host was told to start its job */

    struct heartbeater *heartbeater;
    struct storage_session *session;
    struct host_slot slot;
    char *reason;                 /* of a failure */
    const char *setup_stage;      /* of a failure in the set-up */
    struct outbox_report *report; /* on its way; NULL: none */
};

static void on_event(void *context, enum task_event event, const char *reason);

/* Keeps the first reason given. */
static void __attribute__((format(printf, 2, 3))) set_reason(struct task *task, const char *format, ...)
{
    char reason[LIMIT_REASON_BYTES + 1];
    if (task->reason)
        return;
    va_list arguments;
    va_start(arguments, format);
    text_format_list(reason, sizeof reason, format, arguments);
    va_end(arguments);
    task->reason = memory_copy_text(reason);
}

/* Points the log fields at the lease's texts, which heartbeats replace. */
static void borrow_log_fields(struct task *task)
{
    task->log = (struct log_task){.task_id = task->local_id ? task->local_id : task->lease.task_id,
                                  .job_id = task->lease.job_id,
                                  .capability = task->lease.capability,
                                  .domain_id = task->lease.domain_id};
}

static void update_session(struct task *task)
{
    storage_session_update(task->session, heartbeater_fence_boot_ms(task->heartbeater),
                           heartbeater_answered_boot_ms(task->heartbeater));
}

/* An answer may rename the task, and bring a new token or end of its lease. */
static void on_answered(void *context, const struct lease_changes *changes)
{
    struct task *task = context;
    borrow_log_fields(task);
    if (changes->renamed)
        log_write(LOG_LEVEL_INFO, &task->log, "DMS renamed the task to %s", task->lease.task_id);
    update_session(task);
}

/* --- the report --- */

static const char *report_action(const struct task *task)
{
    return task->life.verdict == TASK_VERDICT_COMPLETE ? "complete" : "fail";
}

static char *compose_report(const struct task *task)
{
    const char *reason = task->reason ? task->reason : "unknown";
    switch (task->life.verdict) {
    case TASK_VERDICT_COMPLETE:
        return report_compose_complete(&task->lease, storage_session_artifacts(task->session));
    case TASK_VERDICT_SETUP_FAIL:
        return report_compose_setup_fail(task->setup_stage, reason);
    default:
        return report_compose_fail(&task->lease, storage_session_artifacts(task->session), reason);
    }
}

static void log_reported(const struct task *task, const char *refusal)
{
    double seconds = (double)(clock_boot_ms() - task->created_boot_ms) / 1000;
    size_t artifacts = storage_session_artifacts(task->session)->artifacts.count;
    if (refusal)
        log_write(LOG_LEVEL_ERROR, &task->log, "DMS finally refused %s: %s", report_action(task), refusal);
    else if (task->life.verdict == TASK_VERDICT_COMPLETE)
        log_write(LOG_LEVEL_INFO, &task->log, "completed with %zu %s after %.1f s", artifacts,
                  text_plural(artifacts, "artifact", "artifacts"), seconds);
    else
        log_write(LOG_LEVEL_WARN, &task->log, "reported as failed after %.1f s: %s", seconds, task->reason);
}

static void on_reported(void *context, const char *refusal)
{
    struct task *task = context;
    task->report = NULL;
    log_reported(task, refusal);
    on_event(task, TASK_EVENT_REPORTED, NULL);
}

/* --- what each state does when it is entered --- */

static void enter_opening(struct task *task)
{
    const struct lease *lease = &task->lease;
    /* The id as it stands now names workspace and artifacts for the task's whole life (docs/network.md 3.2,
     * 3). */
    memory_replace_text(&task->local_id, lease->task_id);
    borrow_log_fields(task);
    if (lease->domain_id && lease->server_url) {
        storage_session_open(task->session, task->local_id, heartbeater_fence_boot_ms(task->heartbeater));
        return;
    }
    on_event(task, TASK_EVENT_STORAGE_MISSING,
             lease->domain_id ? "the lease has no domain_server_url" : "the lease has no domain_id");
}

static void enter_running(struct task *task)
{
    log_write(LOG_LEVEL_INFO, &task->log, "running: %zu %s", task->lease.inputs.count,
              text_plural(task->lease.inputs.count, "input", "inputs"));
}

static void cancel_job(struct task *task)
{
    host_slot_cancel(&task->slot, task->life.verdict == TASK_VERDICT_NONE ? "the lease ended" : task->reason,
                     heartbeater_grace_ms(task->heartbeater));
}

static void enter_stopping(struct task *task)
{
    storage_session_cancel(task->session);
    cancel_job(task);
}

static void enter_collecting(struct task *task)
{
    storage_session_collect(task->session);
}

static void enter_flushing(struct task *task)
{
    heartbeater_flush(task->heartbeater);
}

static void enter_reporting(struct task *task)
{
    heartbeater_hold(task->heartbeater);
    task->report = outbox_send(&task->driver, report_action(task), compose_report(task), on_reported);
}

static void enter_closing(struct task *task)
{
    host_slot_release(&task->slot);
    storage_session_close(task->session);
}

/* docs/network.md 3.1: what failed in its set-up, or was over before it had a workspace, counts as idle. */
static void enter_ended(struct task *task)
{
    bool did_work = task->life.verdict == TASK_VERDICT_COMPLETE || task->life.verdict == TASK_VERDICT_FAIL ||
                    storage_session_workspace(task->session);
    task->driver.around->on_ended(task->driver.around->context, did_work);
}

/* Nothing leads back to the first heartbeat, which task_create() begins. For who waits a slot may be free
 * right now; else the next change of slots is waited for, heartbeated. */
static void (*const enter[TASK_STATE_COUNT])(struct task *) = {
    [TASK_OPENING] = enter_opening,       [TASK_WAITING] = task_on_slots_changed,
    [TASK_RUNNING] = enter_running,       [TASK_STOPPING] = enter_stopping,
    [TASK_COLLECTING] = enter_collecting, [TASK_FLUSHING] = enter_flushing,
    [TASK_REPORTING] = enter_reporting,   [TASK_CLOSING] = enter_closing,
    [TASK_ENDED] = enter_ended,
};

/* Hands an event to the state machine and acts on the new state. */
static void on_event(void *context, enum task_event event, const char *reason)
{
    struct task *task = context;
    const enum task_state before = task->life.state;
    if (reason)
        set_reason(task, "%s", reason);
    if (!task_life_on(&task->life, event)) {
        /* A job that is stopping already has less time from now on. */
        if (event == TASK_EVENT_LOST && task->life.state == TASK_STOPPING)
            cancel_job(task);
        return;
    }
    log_write(LOG_LEVEL_DEBUG, &task->log, "%s", task_state_name(task->life.state));
    if (task->life.verdict == TASK_VERDICT_SETUP_FAIL && !task->setup_stage)
        task->setup_stage = before == TASK_FIRST_HEARTBEAT ? "initial_heartbeat" : "build_ports";
    if (!task_life_needs_lease(&task->life))
        heartbeater_stop(task->heartbeater);
    enter[task->life.state](task);
}

/* --- the runner host --- */

void task_on_slots_changed(struct task *task)
{
    if (task->life.state != TASK_WAITING)
        return;
    char *workspace = memory_copy_text(storage_session_workspace(task->session));
    struct message_host_command start = {.task_id = task->local_id,
                                         .job_id = task->lease.job_id,
                                         .domain_id = task->lease.domain_id,
                                         .capability = task->lease.capability,
                                         .task = task->lease.task_json,
                                         .inputs = task->lease.inputs,
                                         .workspace = workspace};
    if (host_slot_take(&task->slot, &start)) {
        task->started_boot_ms = clock_boot_ms();
        on_event(task, TASK_EVENT_STARTED, NULL);
    } else if (!runner_hosts_offer(task->driver.around->hosts, task->lease.capability)) {
        set_reason(task, "no runner offers %s any more", task->lease.capability);
        on_event(task, TASK_EVENT_FAILED, NULL);
    }
    free(workspace);
}

/* Its slots went with it: nothing to release. */
void task_on_host_gone(struct task *task, const struct runner_host *host)
{
    if (host_slot_lose(&task->slot, host))
        on_event(task, TASK_EVENT_FAILED, "the runner host went away");
}

void task_on_host_hello(struct task *task, const char *host_id, const struct text_list *running)
{
    if (!host_slot_is_at(&task->slot, host_id) || text_list_contains(running, task->key.bytes) ||
        !host_slot_is_started(&task->slot))
        return;
    host_slot_release(&task->slot);
    on_event(task, TASK_EVENT_FAILED, "the runner host does not know the job any more");
}

void task_add_key_if_on_host(const struct task *task, const char *host_id, struct text_list *keys)
{
    if (host_slot_is_at(&task->slot, host_id))
        text_list_add(keys, task->key.bytes);
}

/*
 * Updates need a job that has them, and a lease to tell them for. A repeat of what was taken is fine at any
 * time (its answer got lost), and so are updates of a cancelled job, which go nowhere: a host that had to
 * keep them would never come to the job's end.
 */
bool task_on_update(struct task *task, pending_updates_function *take, int64_t sequence, const char *text,
                    struct error *error)
{
    if (!task->slot.host)
        return heartbeater_knows(task->heartbeater, sequence) ||
               error_set(error, ERROR_NOT_FOUND, "the task's job is over");
    return !task_life_needs_lease(&task->life) ||
           heartbeater_update(task->heartbeater, take, sequence, text, error);
}

void task_on_finish(struct task *task, const struct message_task_finish *finish)
{
    const char *reason = finish->reason;
    /* A repeat, or a host that was given up: the task's end is decided. */
    if (!task->slot.host)
        return;
    const struct task_surroundings *around = task->driver.around;
    if (task->life.state == TASK_RUNNING)
        around->on_job_ended(around->context, task->slot.capability, finish->succeeded, task->started_boot_ms,
                             finish->ran_ms);
    host_slot_release(&task->slot);
    /* Of a failure its host has told, and the report tells once more. */
    if (finish->succeeded)
        log_write(LOG_LEVEL_INFO, &task->log, "the job succeeded");
    else
        set_reason(task, "%s", reason && *reason ? reason : "the runner gave no reason");
    on_event(task, finish->succeeded ? TASK_EVENT_SUCCEEDED : TASK_EVENT_FAILED, NULL);
}

/* --- heartbeats wanted, overrun, drain --- */

void task_on_token_wanted(struct task *task, const char *task_id, bool lost)
{
    if (!task->local_id || strcmp(task->local_id, task_id) != 0 || !task_life_needs_lease(&task->life))
        return;
    if (lost)
        update_session(task);
    else
        heartbeater_hurry(task->heartbeater);
}

/* Later there is nothing to stop, and what is stored counts. */
void task_on_overrun(struct task *task, const char *task_id, int64_t used_bytes, int64_t limit_bytes)
{
    enum task_state state = task->life.state;
    if (!task->local_id || strcmp(task->local_id, task_id) != 0 ||
        (state != TASK_WAITING && state != TASK_RUNNING))
        return;
    set_reason(task, "the workspace has %lld bytes, the limit is %lld (%s)", (long long)used_bytes,
               (long long)limit_bytes, error_code_name(ERROR_DISK_FULL));
    log_write(LOG_LEVEL_WARN, &task->log, "%s", task->reason);
    on_event(task, TASK_EVENT_OVERRAN, NULL);
}

void task_on_drain(struct task *task, bool grace_over)
{
    enum task_state state = task->life.state;
    if (state >= TASK_RUNNING && !(state == TASK_RUNNING && grace_over))
        return;
    set_reason(task, "node_draining");
    on_event(task, TASK_EVENT_DRAINED, NULL);
}

void task_give_up(struct task *task)
{
    log_write(LOG_LEVEL_ERROR, &task->log, "the drain ends and the task is given up while %s",
              task_state_name(task->life.state));
    outbox_take_back(task->report);
    task->report = NULL;
    on_event(task, TASK_EVENT_GIVEN_UP, NULL);
}

/* --- life --- */

static void make_key(struct task *task)
{
    unsigned char bytes[(TASK_KEY_BYTES - 1) / 2];
    char key[TASK_KEY_BYTES];
    random_bytes(task->driver.around->random, bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, key);
    secret_assign(&task->key, key, sizeof key - 1);
}

static struct task *create(const struct task_surroundings *surroundings, struct lease *lease)
{
    struct task *task = memory_allocate(sizeof *task);
    task->driver = (struct task_driver){.around = surroundings,
                                        .key = &task->key,
                                        .lease = &task->lease,
                                        .log = &task->log,
                                        .life = &task->life,
                                        .on_event = on_event,
                                        .context = task};
    task->lease = *lease;
    memset(lease, 0, sizeof *lease);
    task->created_boot_ms = clock_boot_ms();
    make_key(task);
    borrow_log_fields(task);
    task->heartbeater = heartbeater_create(&task->driver, on_answered);
    task->session = storage_session_create(&task->driver);
    host_slot_init(&task->slot, &task->driver);
    return task;
}

struct task *task_create(const struct task_surroundings *surroundings, struct lease *lease,
                         int64_t server_unix_ms, int64_t sent_boot_ms)
{
    struct task *task = create(surroundings, lease);
    log_write(LOG_LEVEL_INFO, &task->log, "leased");
    heartbeater_begin(task->heartbeater, server_unix_ms, sent_boot_ms);
    return task;
}

struct task *task_create_refused(const struct task_surroundings *surroundings, struct lease *lease,
                                 const char *stage, const char *text)
{
    struct task *task = create(surroundings, lease);
    task->setup_stage = stage;
    set_reason(task, "%s", text);
    task->life = (struct task_life){TASK_REPORTING, TASK_VERDICT_SETUP_FAIL};
    enter[TASK_REPORTING](task);
    return task;
}

void task_free(struct task *task)
{
    host_slot_clear(&task->slot);
    heartbeater_free(task->heartbeater);
    storage_session_free(task->session);
    outbox_take_back(task->report);
    lease_clear(&task->lease);
    secret_wipe(&task->key);
    free(task->local_id);
    free(task->reason);
    free(task);
}

bool task_is_of(const struct task *task, const char *capability)
{
    return task->lease.capability && strcmp(task->lease.capability, capability) == 0;
}

bool task_waits_for(const struct task *task, const char *capability)
{
    return task->life.state < TASK_RUNNING && task_is_of(task, capability);
}

bool task_has_ended(const struct task *task)
{
    return task->life.state == TASK_ENDED;
}

bool task_has_key(const struct task *task, const struct secret *key)
{
    return secret_equal(&task->key, key);
}

const char *task_describe(const struct task *task)
{
    return task_state_name(task->life.state);
}
