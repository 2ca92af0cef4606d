#include "services/leased/task/task.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "services/leased/task/task_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A host that was told to cancel has so long to end the job: its own grace, and aborting an upload. */
enum { STOP_PATIENCE_MS = 120000 };

/* --- what each state does when it is entered --- */

void task_borrow_log_fields(struct task *task)
{
    task->log = (struct log_task){.task_id = task->local_id ? task->local_id : task->lease.task_id,
                                  .job_id = task->lease.job_id,
                                  .capability = task->lease.capability,
                                  .domain_id = task->lease.domain_id};
}

static void enter_opening(struct task *task)
{
    /* The id as it stands now names workspace and artifacts for the task's whole life (docs/network.md 3.2,
     * 3). */
    memory_replace_text(&task->local_id, task->lease.task_id);
    task_borrow_log_fields(task);
    task_storage_open(task);
}

/* A slot may be free right now; else the next change of slots is waited for, heartbeated. */
static void enter_waiting(struct task *task)
{
    task_on_slots_changed(task);
}

static void enter_running(struct task *task)
{
    log_write(LOG_LEVEL_INFO, &task->log, "running: %zu input%s", task->lease.inputs.count,
              task->lease.inputs.count == 1 ? "" : "s");
}

static void enter_stopping(struct task *task)
{
    char action[] = "cancel";
    char lease_ended[] = "the lease ended";
    const struct message_host_command command = {
        .action = action,
        .task_key = task->key,
        .reason = task->life.verdict == TASK_VERDICT_NONE ? lease_ended : task->reason};
    task_storage_cancel(task);
    if (task->host)
        runner_host_command(task->host, &command);
    loop_timer_start(&task->stop_timer, STOP_PATIENCE_MS);
}

static void enter_flushing(struct task *task)
{
    task->flush_since_ms = clock_boot_ms();
    task_heartbeat_flush(task);
}

/* The host has the task no more; its slot is free for another. */
static void leave_host(struct task *task)
{
    struct runner_host *host = task->host;
    task->host = NULL;
    if (host)
        runner_host_release(host, task->slot_capability);
}

static void enter_closing(struct task *task)
{
    leave_host(task);
    task_storage_close(task);
}

static void on_stop_overdue(void *context)
{
    struct task *task = context;
    log_write(LOG_LEVEL_ERROR, &task->log, "the runner host did not end the job in %d s: it is given up",
              STOP_PATIENCE_MS / 1000);
    leave_host(task);
    task_event(task, TASK_EVENT_FAILED);
}

/* docs/network.md 3.1: what failed in its set-up, or was over before it had a workspace, counts as idle. */
static void enter_ended(struct task *task)
{
    bool did_work = task->life.verdict == TASK_VERDICT_COMPLETE || task->life.verdict == TASK_VERDICT_FAIL ||
                    task->workspace;
    leased_on_task_ended(task->leased, task, did_work);
}

static void (*const enter[TASK_STATE_COUNT])(struct task *) = {
    [TASK_FIRST_HEARTBEAT] = task_heartbeat_schedule,
    [TASK_OPENING] = enter_opening,
    [TASK_WAITING] = enter_waiting,
    [TASK_RUNNING] = enter_running,
    [TASK_STOPPING] = enter_stopping,
    [TASK_COLLECTING] = task_storage_collect,
    [TASK_FLUSHING] = enter_flushing,
    [TASK_REPORTING] = task_report_send,
    [TASK_CLOSING] = enter_closing,
    [TASK_ENDED] = enter_ended,
};

void task_event(struct task *task, enum task_event event)
{
    if (!task_life_on(&task->life, event))
        return;
    log_write(LOG_LEVEL_DEBUG, &task->log, "%s", task_state_name(task->life.state));
    loop_timer_stop(&task->stop_timer);
    if (!task_life_needs_lease(&task->life))
        task_heartbeat_stop(task);
    enter[task->life.state](task);
}

void task_set_reason(struct task *task, const char *format, ...)
{
    char reason[LIMIT_REASON_BYTES];
    if (task->reason)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    task->reason = memory_copy_text(reason);
}

/* --- the runner host --- */

static void start_on(struct task *task, struct runner_host *host)
{
    char action[] = "start";
    const struct message_host_command command = {.action = action,
                                                 .task_key = task->key,
                                                 .task_id = task->local_id,
                                                 .job_id = task->lease.job_id,
                                                 .domain_id = task->lease.domain_id,
                                                 .capability = task->lease.capability,
                                                 .task = task->lease.task_json,
                                                 .inputs = task->lease.inputs,
                                                 .workspace = task->workspace};
    task->host = host;
    memory_replace_text(&task->slot_capability, task->lease.capability);
    runner_host_command(host, &command);
    task_event(task, TASK_EVENT_STARTED);
}

void task_on_slots_changed(struct task *task)
{
    if (task->life.state != TASK_WAITING)
        return;
    struct runner_host *host = runner_hosts_find_slot(task->leased->hosts, task->lease.capability);
    if (host) {
        start_on(task, host);
    } else if (!runner_hosts_offer(task->leased->hosts, task->lease.capability)) {
        task_set_reason(task, "no runner offers %s any more", task->lease.capability);
        task_event(task, TASK_EVENT_FAILED);
    }
}

/* Its slots went with it: nothing to release. */
void task_on_host_gone(struct task *task, const struct runner_host *host)
{
    if (task->host != host)
        return;
    task->host = NULL;
    task_set_reason(task, "the runner host went away");
    task_event(task, TASK_EVENT_FAILED);
}

static bool is_on_host(const struct task *task, const char *host_id)
{
    return task->host && strcmp(runner_host_id(task->host), host_id) == 0;
}

void task_on_host_hello(struct task *task, const char *host_id, const struct text_list *running)
{
    /* A start that still waits for the host's poll is none that it could know. */
    if (!is_on_host(task, host_id) || text_list_contains(running, task->key.bytes) ||
        runner_host_has_command(task->host, &task->key))
        return;
    task_set_reason(task, "the runner host does not know the job any more");
    leave_host(task);
    task_event(task, TASK_EVENT_FAILED);
}

void task_add_key_if_on_host(const struct task *task, const char *host_id, struct text_list *keys)
{
    if (is_on_host(task, host_id))
        text_list_add(keys, task->key.bytes);
}

/*
 * Whether there is a job that has news, and a lease to tell them for. A repeat of what was taken is fine at
 * any time (its answer got lost), and so are news of a cancelled job, which go nowhere: a host that had to
 * keep them would never come to the job's end.
 */
static bool takes_news(const struct task *task, int64_t sequence, bool *fine, struct error *error)
{
    bool job = task->host != NULL;
    bool lease = task_life_needs_lease(&task->life);
    *fine = job || outgoing_knows(&task->outgoing, sequence);
    if (!*fine)
        error_set(error, ERROR_NOT_FOUND, "the task's job is over");
    return job && lease;
}

static void note_news(struct task *task)
{
    if (outgoing_has_news(&task->outgoing))
        heartbeat_on_change(&task->heartbeat, clock_boot_ms(), &task->leased->service->random);
    task_heartbeat_schedule(task);
}

bool task_on_progress(struct task *task, int64_t sequence, const char *progress, struct error *error)
{
    bool fine;
    if (!takes_news(task, sequence, &fine, error))
        return fine;
    if (!outgoing_set_progress(&task->outgoing, sequence, progress, error))
        return false;
    note_news(task);
    return true;
}

bool task_on_event(struct task *task, int64_t sequence, const char *event, struct error *error)
{
    bool fine;
    if (!takes_news(task, sequence, &fine, error))
        return fine;
    if (!outgoing_add_event(&task->outgoing, sequence, event, error))
        return false;
    note_news(task);
    return true;
}

void task_on_finish(struct task *task, bool succeeded, const char *reason)
{
    struct runner_host *host = task->host;
    /* A repeat, or a host that was given up: the task's end is decided. */
    if (!host)
        return;
    task->host = NULL;
    if (succeeded) {
        log_write(LOG_LEVEL_INFO, &task->log, "the job succeeded");
    } else {
        task_set_reason(task, "%s", reason && *reason ? reason : "the runner gave no reason");
        log_write(LOG_LEVEL_WARN, &task->log, "the job failed: %s", task->reason);
    }
    task_event(task, succeeded ? TASK_EVENT_SUCCEEDED : TASK_EVENT_FAILED);
    runner_host_release(host, task->slot_capability);
}

/* --- heartbeats wanted, overrun, drain --- */

void task_on_token_wanted(struct task *task, const char *task_id, bool lost)
{
    if (!task->local_id || strcmp(task->local_id, task_id) != 0 || !task_life_needs_lease(&task->life))
        return;
    if (lost) {
        task->update_owed = true;
        task_storage_update(task);
        return;
    }
    heartbeat_on_urgent(&task->heartbeat, clock_boot_ms());
    task_heartbeat_schedule(task);
}

/* Later there is nothing to stop, and what is stored counts. */
void task_on_overrun(struct task *task, const char *task_id, int64_t used_bytes, int64_t limit_bytes)
{
    enum task_state state = task->life.state;
    if (!task->local_id || strcmp(task->local_id, task_id) != 0 ||
        (state != TASK_WAITING && state != TASK_RUNNING))
        return;
    task_set_reason(task, "the workspace has %lld bytes, the limit is %lld (%s)", (long long)used_bytes,
                    (long long)limit_bytes, error_code_name(ERROR_DISK_FULL));
    log_write(LOG_LEVEL_WARN, &task->log, "%s", task->reason);
    task_event(task, TASK_EVENT_OVERRAN);
}

void task_on_drain(struct task *task, bool grace_over)
{
    enum task_state state = task->life.state;
    if (state >= TASK_RUNNING && !(state == TASK_RUNNING && grace_over))
        return;
    task_set_reason(task, "node_draining");
    task_event(task, TASK_EVENT_DRAINED);
}

void task_give_up(struct task *task)
{
    log_write(LOG_LEVEL_ERROR, &task->log, "the drain ends and the task is given up while %s",
              task_state_name(task->life.state));
    task_report_stop(task);
    task_event(task, TASK_EVENT_GIVEN_UP);
}

/* --- life --- */

static struct task *create(struct leased *leased, struct lease *lease)
{
    struct task *task = memory_allocate(sizeof *task);
    unsigned char random_key[(TASK_KEY_BYTES - 1) / 2];
    char key[TASK_KEY_BYTES];
    task->leased = leased;
    task->lease = *lease;
    memset(lease, 0, sizeof *lease);
    task->created_boot_ms = clock_boot_ms();
    random_bytes(&leased->service->random, random_key, sizeof random_key);
    hex_encode(random_key, sizeof random_key, key);
    secret_assign(&task->key, key, sizeof key - 1);
    task_borrow_log_fields(task);
    task_heartbeat_init(task);
    task_report_init(task);
    loop_timer_init(&task->stop_timer, leased->service->loop, on_stop_overdue, task);
    /* At the end: the task that waits longest finds a free slot first. */
    struct task **end = &leased->tasks;
    while (*end)
        end = &(*end)->next;
    *end = task;
    leased->task_count++;
    return task;
}

struct task *task_create(struct leased *leased, struct lease *lease, int64_t server_unix_ms,
                         int64_t sent_boot_ms)
{
    struct task *task = create(leased, lease);
    if (task->lease.has_expiry)
        lease_clock_set(&task->clock, task->lease.expires_at_unix_ms, server_unix_ms, sent_boot_ms);
    log_write(LOG_LEVEL_INFO, &task->log, "leased");
    heartbeat_on_urgent(&task->heartbeat, clock_boot_ms());
    enter[TASK_FIRST_HEARTBEAT](task);
    return task;
}

struct task *task_create_refused(struct leased *leased, struct lease *lease, const char *stage,
                                 const char *text)
{
    struct task *task = create(leased, lease);
    task->setup_stage = stage;
    task_set_reason(task, "%s", text);
    task->life = (struct task_life){TASK_REPORTING, stage ? TASK_VERDICT_SETUP_FAIL : TASK_VERDICT_FAIL};
    enter[TASK_REPORTING](task);
    return task;
}

static void stop_all(struct task *task)
{
    loop_timer_stop(&task->stop_timer);
    task_heartbeat_stop(task);
    task_storage_stop(task);
    task_report_stop(task);
}

void task_retire(struct task *task)
{
    struct leased *leased = task->leased;
    for (struct task **link = &leased->tasks; *link; link = &(*link)->next) {
        if (*link != task)
            continue;
        *link = task->next;
        leased->task_count--;
        break;
    }
    stop_all(task);
    task->next = leased->ended_tasks;
    leased->ended_tasks = task;
}

static void task_free(struct task *task)
{
    outgoing_clear(&task->outgoing);
    message_clear(&message_artifacts_type, &task->artifacts);
    lease_clear(&task->lease);
    secret_wipe(&task->key);
    free(task->local_id);
    free(task->slot_capability);
    free(task->workspace);
    free(task->reason);
    free(task);
}

void task_free_ended(struct leased *leased)
{
    while (leased->ended_tasks) {
        struct task *task = leased->ended_tasks;
        leased->ended_tasks = task->next;
        task_free(task);
    }
}

struct task *task_next(const struct task *task)
{
    return task->next;
}

struct task *task_find(struct leased *leased, const struct secret *key)
{
    for (struct task *task = leased->tasks; task; task = task->next)
        if (secret_equal(&task->key, key))
            return task;
    return NULL;
}

const char *task_describe(const struct task *task)
{
    return task_state_name(task->life.state);
}
