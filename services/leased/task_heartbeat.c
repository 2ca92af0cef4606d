/* A task's heartbeats: sends them when heartbeat.h says so, and takes what the answers bring. */
#include "libcommon/clock.h"
#include "services/leased/task_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* Without an expiry in the lease there is no half of its time; this long is tried before the set-up counts as
 * failed. */
enum { FIRST_HEARTBEAT_PATIENCE_MS = 60000 };

static void send_heartbeat(struct task *task);

static struct random *random_of(struct task *task)
{
    return &task->leased->service->random;
}

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

static void on_heartbeat_due(void *context)
{
    struct task *task = context;
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
        int64_t server_ms = response->date_unix_ms >= 0 ? response->date_unix_ms : clock_unix_ms();
        lease_clock_set(&task->clock, task->lease.expires_at_unix_ms, server_ms, answer->sent_boot_ms);
    }
    outgoing_acknowledge(&task->outgoing);
    heartbeat_on_answered(&task->heartbeat, &task->clock, outgoing_has_news(&task->outgoing), now_ms,
                          random_of(task));
    if (changes.token || changes.expiry)
        task_storage_update(task);
}

static bool first_heartbeat_lasts_too_long(const struct task *task)
{
    int64_t now_ms = clock_boot_ms();
    int64_t patience_ms = FIRST_HEARTBEAT_PATIENCE_MS;
    if (task->clock.fence_boot_ms)
        patience_ms = (task->clock.ends_boot_ms - task->created_boot_ms) / 2;
    return now_ms - task->created_boot_ms >= patience_ms;
}

static void on_transient_failure(struct task *task, const char *text, int64_t retry_after_ms)
{
    log_write(LOG_LEVEL_WARN, &task->log, "heartbeat: %s", text);
    outgoing_restore(&task->outgoing);
    heartbeat_on_failed(&task->heartbeat, retry_after_ms, clock_boot_ms(), random_of(task));
    if (task->life.state == TASK_FIRST_HEARTBEAT && first_heartbeat_lasts_too_long(task)) {
        task->setup_stage = "initial_heartbeat";
        task_set_reason(task, "%s", text);
        task_event(task, TASK_EVENT_HEARTBEAT_GIVEN_UP);
        return;
    }
    task_heartbeat_schedule(task);
}

static void on_refused(struct task *task, int status)
{
    outgoing_restore(&task->outgoing);
    log_write(LOG_LEVEL_WARN, &task->log, "DMS refused a heartbeat with %d", status);
    if (status == 404 || status == 409 || status == 410 || status == 403) {
        task->heartbeat.in_flight = false;
        task_event(task, TASK_EVENT_LOST);
    } else if (task->life.state == TASK_FIRST_HEARTBEAT) {
        task->setup_stage = "initial_heartbeat";
        task_set_reason(task, "DMS refused the first heartbeat with %d", status);
        task_event(task, TASK_EVENT_HEARTBEAT_GIVEN_UP);
    } else if (task->life.state == TASK_FLUSHING) {
        task_event(task, TASK_EVENT_FLUSHED);
    } else {
        heartbeat_on_answered(&task->heartbeat, &task->clock, false, clock_boot_ms(), random_of(task));
        task_heartbeat_schedule(task);
    }
}

static void on_heartbeat_answer(void *context, const struct dms_answer *answer)
{
    struct task *task = context;
    char text[64];
    task->heartbeat_call = NULL;
    int status = answer->response ? answer->response->status : 0;
    if (!answer->response) {
        on_transient_failure(task, answer->failure->text, -1);
    } else if (status >= 200 && status <= 299) {
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
        snprintf(text, sizeof text, "DMS answered %d", status);
        on_transient_failure(task, text, answer->response->retry_after_ms);
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
    loop_timer_stop(&task->heartbeat_timer);
    send_heartbeat(task);
}
