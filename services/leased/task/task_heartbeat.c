/* A task's heartbeats: sends them when heartbeat.h says so, and takes what the answers bring. */
#include "libcommon/base/clock.h"
#include "services/leased/task/task_internal.h"

#include <stdlib.h>

/* Without an expiry in the lease there is no half of its time; this long is tried before the set-up counts as
 * failed. */
enum { FIRST_HEARTBEAT_PATIENCE_MS = 60000 };

/* The last flush is tried while the lease lasts, so that no event is lost. Finished work must not wait for
 * ever behind it: not when the lease has no end, nor when DMS refuses what it says. */
enum { FLUSH_PATIENCE_MS = 300000, FLUSH_REFUSALS_MAX = 3 };

static void send_heartbeat(struct task *task);

static struct random *random_of(struct task *task)
{
    return &task->leased->service->random;
}

/* The node fences itself (design): when DMS cannot be reached, nothing but this timer stops the job before
 * DMS may give the task to another node. */
static void arm_fence(struct task *task)
{
    if (task->clock.fence_boot_ms && task_life_needs_lease(&task->life))
        loop_timer_start(&task->fence_timer, task->clock.fence_boot_ms - clock_boot_ms());
}

static void on_fence(void *context)
{
    struct task *task = context;
    if (!lease_clock_ran_out(&task->clock, clock_boot_ms())) {
        arm_fence(task);
        return;
    }
    log_write(LOG_LEVEL_WARN, &task->log, "the lease has run out while %s",
              task_state_name(task->life.state));
    task_event(task, TASK_EVENT_LOST);
}

/* docs/network.md 3.2, 3: until half of the lease's time is gone. */
static int64_t first_heartbeat_ends_ms(const struct task *task)
{
    if (!task->clock.fence_boot_ms)
        return task->created_boot_ms + FIRST_HEARTBEAT_PATIENCE_MS;
    return task->created_boot_ms + (task->clock.ends_boot_ms - task->created_boot_ms) / 2;
}

static bool first_heartbeat_lasts_too_long(const struct task *task)
{
    return task->life.state == TASK_FIRST_HEARTBEAT && clock_boot_ms() >= first_heartbeat_ends_ms(task);
}

static void give_up_first_heartbeat(struct task *task)
{
    task->setup_stage = "initial_heartbeat";
    task_set_reason(task, "%s",
                    *task->heartbeat_failure ? task->heartbeat_failure : "the lease was over at once");
    task_event(task, TASK_EVENT_HEARTBEAT_GIVEN_UP);
}

static void on_heartbeat_due(void *context)
{
    struct task *task = context;
    if (first_heartbeat_lasts_too_long(task)) {
        give_up_first_heartbeat(task);
        return;
    }
    int64_t due_ms = heartbeat_due_ms(&task->heartbeat);
    if (due_ms != HEARTBEAT_NEVER && due_ms <= clock_boot_ms())
        send_heartbeat(task);
    else
        task_heartbeat_schedule(task);
}

void task_heartbeat_init(struct task *task)
{
    struct service_context *service = task->leased->service;
    const struct heartbeat_rules rules = {.jitter_ms = service->settings.heartbeat_jitter_ms,
                                          .min_ratio = service->settings.heartbeat_min_ratio,
                                          .max_ratio = service->settings.heartbeat_max_ratio,
                                          .request_timeout_ms =
                                              service->settings.request_timeout_secs * 1000};
    heartbeat_init(&task->heartbeat, &rules);
    loop_timer_init(&task->heartbeat_timer, service->loop, on_heartbeat_due, task);
    loop_timer_init(&task->fence_timer, service->loop, on_fence, task);
}

void task_heartbeat_schedule(struct task *task)
{
    if (!task_life_needs_lease(&task->life))
        return;
    arm_fence(task);
    int64_t due_ms = heartbeat_due_ms(&task->heartbeat);
    /* A long backoff must not put off the moment at which the set-up has failed. */
    if (due_ms != HEARTBEAT_NEVER && task->life.state == TASK_FIRST_HEARTBEAT &&
        due_ms > first_heartbeat_ends_ms(task))
        due_ms = first_heartbeat_ends_ms(task);
    if (due_ms == HEARTBEAT_NEVER)
        loop_timer_stop(&task->heartbeat_timer);
    else
        loop_timer_start(&task->heartbeat_timer, due_ms - clock_boot_ms());
}

void task_heartbeat_stop(struct task *task)
{
    loop_timer_stop(&task->heartbeat_timer);
    loop_timer_stop(&task->fence_timer);
    dms_cancel(task->heartbeat_call);
    task->heartbeat_call = NULL;
    task->heartbeat.in_flight = false;
}

/* --- answers --- */

/* The answer's lease fields; what they change elsewhere. Ends with the event that they mean. */
static void take_answer(struct task *task, const struct dms_answer *answer)
{
    struct error error;
    struct lease_changes changes;
    const struct http_response *response = answer->response;
    int64_t now_ms = clock_boot_ms();
    if (!lease_merge(&task->lease, response->body, response->body_bytes, &changes, &error))
        log_write(LOG_LEVEL_WARN, &task->log, "the heartbeat's answer changes nothing: %s", error.text);
    task_borrow_log_fields(task);
    if (changes.renamed)
        log_write(LOG_LEVEL_INFO, &task->log, "DMS renamed the task to %s", task->lease.task_id);
    if (changes.expiry) {
        int64_t server_ms = clock_server_unix_ms(response->date_unix_ms, clock_unix_ms());
        lease_clock_set(&task->clock, task->lease.expires_at_unix_ms, server_ms, answer->sent_boot_ms);
    }
    outgoing_acknowledge(&task->outgoing);
    if (changes.token)
        heartbeat_on_token(&task->heartbeat);
    heartbeat_on_answered(&task->heartbeat, &task->clock, outgoing_has_news(&task->outgoing), now_ms,
                          random_of(task));
    if (changes.token || changes.expiry)
        task->update_owed = true;
    task_storage_update(task);
}

/* What the failed heartbeat carried is news again, and goes with the next. */
static void try_again(struct task *task, int64_t retry_after_ms)
{
    heartbeat_on_failed(&task->heartbeat, &task->clock, retry_after_ms, clock_boot_ms(), random_of(task));
    task_heartbeat_schedule(task);
}

static bool flush_lasts_too_long(const struct task *task)
{
    return task->life.state == TASK_FLUSHING && !task->clock.fence_boot_ms &&
           clock_boot_ms() - task->flush_since_ms >= FLUSH_PATIENCE_MS;
}

static void give_up_flush(struct task *task)
{
    log_write(LOG_LEVEL_ERROR, &task->log, "DMS did not take the last progress and %zu event%s",
              task->outgoing.event_count, task->outgoing.event_count == 1 ? "" : "s");
    task_event(task, TASK_EVENT_FLUSHED);
}

static void on_transient_failure(struct task *task, int64_t retry_after_ms)
{
    log_write(LOG_LEVEL_WARN, &task->log, "heartbeat: %s", task->heartbeat_failure);
    if (first_heartbeat_lasts_too_long(task))
        give_up_first_heartbeat(task);
    else if (flush_lasts_too_long(task))
        give_up_flush(task);
    else
        try_again(task, retry_after_ms);
}

/* docs/network.md 3.3: what ends a lease, and what is only logged. */
static void on_refused(struct task *task, int status)
{
    log_write(LOG_LEVEL_WARN, &task->log, "a heartbeat was refused: %s", task->heartbeat_failure);
    if (status == 404 || status == 409 || status == 410 || status == 403) {
        task_event(task, TASK_EVENT_LOST);
    } else if (task->life.state == TASK_FIRST_HEARTBEAT) {
        give_up_first_heartbeat(task);
    } else if (task->life.state == TASK_FLUSHING) {
        /* Its normal time may be hours away, and the report waits. */
        if (++task->flush_refusals >= FLUSH_REFUSALS_MAX)
            give_up_flush(task);
        else
            try_again(task, -1);
    } else {
        heartbeat_on_answered(&task->heartbeat, &task->clock, false, clock_boot_ms(), random_of(task));
        task_heartbeat_schedule(task);
    }
}

static void on_heartbeat_answer(void *context, const struct dms_answer *answer)
{
    struct task *task = context;
    const struct http_response *response = answer->response;
    int status = response ? response->status : 0;
    bool accepted = status >= 200 && status <= 299;
    task->heartbeat_call = NULL;
    task->heartbeat.in_flight = false;
    if (!accepted) {
        dms_describe(answer, task->heartbeat_failure);
        outgoing_restore(&task->outgoing);
    }
    if (accepted) {
        take_answer(task, answer);
        if (task->lease.cancel) {
            log_write(LOG_LEVEL_INFO, &task->log, "DMS cancelled the task");
            task_event(task, TASK_EVENT_CANCELLED);
        } else if (task->life.state == TASK_FIRST_HEARTBEAT) {
            task_heartbeat_schedule(task);
            task_event(task, TASK_EVENT_HEARTBEAT_ACCEPTED);
        } else if (task->life.state == TASK_FLUSHING) {
            task_heartbeat_flush(task);
        } else {
            task_heartbeat_schedule(task);
        }
    } else if (status < 400 || retry_status_is_transient(status)) {
        on_transient_failure(task, response ? response->retry_after_ms : -1);
    } else {
        on_refused(task, status);
    }
}

/* --- sending --- */

static void send_heartbeat(struct task *task)
{
    char *body = outgoing_compose_heartbeat(&task->outgoing);
    const struct dms_request request = {
        .method = "POST",
        .task_id = task->lease.task_id,
        .action = "heartbeat",
        .body = body,
        .timeout_ms = heartbeat_on_sent(&task->heartbeat, &task->clock, clock_boot_ms()),
        .bound_token = true,
        .fresh_token_on_403 = true,
        .answer_limit_bytes = LIMIT_HEARTBEAT_ANSWER_BYTES,
        .on_done = on_heartbeat_answer,
        .context = task};
    task->heartbeat_call = dms_send(task->leased->dms, &request);
    free(body);
}

void task_heartbeat_flush(struct task *task)
{
    if (task->heartbeat.in_flight)
        return;
    if (!outgoing_has_news(&task->outgoing)) {
        task_event(task, TASK_EVENT_FLUSHED);
        return;
    }
    /* DMS asked for a pause, or fails: the retry carries it all. */
    if (task->heartbeat.retry_due_ms != HEARTBEAT_NEVER) {
        task_heartbeat_schedule(task);
        return;
    }
    loop_timer_stop(&task->heartbeat_timer);
    send_heartbeat(task);
}
