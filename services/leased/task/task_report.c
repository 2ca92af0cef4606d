/* The final report: complete or fail, until DMS takes it or finally refuses it (docs/network.md, "Retries").
 */
#include "libcommon/base/clock.h"
#include "libcommon/base/crash_point.h"
#include "services/leased/dms/report.h"
#include "services/leased/task/task_internal.h"

#include <stdlib.h>

static const struct retry_policy report_policy = {
    /* No bound but a drain's: the work is done, and DMS is all that is missing. */
    .base_ms = 1000,
    .cap_ms = 60000,
    .attempts_max = 0,
    .duration_ms = 0};

static void on_report_due(void *context)
{
    task_report_send(context);
}

void task_report_init(struct task *task)
{
    loop_timer_init(&task->report_timer, task->leased->service->loop, on_report_due, task);
}

void task_report_stop(struct task *task)
{
    loop_timer_stop(&task->report_timer);
    dms_cancel(task->report_call);
    task->report_call = NULL;
}

static const char *action_of(const struct task *task)
{
    return task->life.verdict == TASK_VERDICT_COMPLETE ? "complete" : "fail";
}

static char *compose(const struct task *task)
{
    const char *reason = task->reason ? task->reason : "unknown";
    switch (task->life.verdict) {
    case TASK_VERDICT_COMPLETE:
        return report_compose_complete(&task->lease, &task->artifacts);
    case TASK_VERDICT_SETUP_FAIL:
        return report_compose_setup_fail(task->setup_stage, reason);
    default:
        return report_compose_fail(&task->lease, &task->artifacts, reason);
    }
}

static void log_taken(const struct task *task)
{
    double seconds = (double)(clock_boot_ms() - task->created_boot_ms) / 1000;
    if (task->life.verdict == TASK_VERDICT_COMPLETE)
        log_write(LOG_LEVEL_INFO, &task->log, "completed with %zu artifacts after %.1f s",
                  task->artifacts.artifacts.count, seconds);
    else
        log_write(LOG_LEVEL_WARN, &task->log, "reported as failed after %.1f s: %s", seconds, task->reason);
}

static void try_again(struct task *task, const char *text, int64_t retry_after_ms)
{
    int64_t now_ms = clock_boot_ms();
    int64_t wait_ms =
        retry_next_ms(&task->report_retry, now_ms, retry_after_ms, 0, &task->leased->service->random);
    log_write(LOG_LEVEL_WARN, &task->log, "%s: %s; trying again in %.1f s", action_of(task), text,
              (double)wait_ms / 1000);
    loop_timer_start(&task->report_timer, wait_ms);
}

static void on_report_answer(void *context, const struct dms_answer *answer)
{
    struct task *task = context;
    char text[DMS_TEXT_BYTES];
    task->report_call = NULL;
    dms_describe(answer, text);
    if (!answer->response) {
        task->report_may_have_arrived = task->report_may_have_arrived || answer->sent;
        try_again(task, text, -1);
        return;
    }
    int status = answer->response->status;
    bool taken = status >= 200 && status <= 299;
    /* The answer to an earlier try got lost, and DMS no longer knows the task as open (design: finished
     * work). */
    bool taken_before = (status == 404 || status == 409) && task->report_may_have_arrived;
    if (taken || taken_before) {
        crash_point("leased.report.taken");
        log_taken(task);
    } else if (status < 400 || status == 401 || retry_status_is_transient(status)) {
        task->report_may_have_arrived = task->report_may_have_arrived || status >= 500;
        try_again(task, text, answer->response->retry_after_ms);
        return;
    } else {
        log_write(LOG_LEVEL_ERROR, &task->log, "DMS finally refused %s: %s", action_of(task), text);
    }
    task_event(task, TASK_EVENT_REPORTED);
}

void task_report_send(struct task *task)
{
    char *body = compose(task);
    crash_point("leased.report.before_sending");
    if (!task->report_retry.policy)
        retry_start(&task->report_retry, &report_policy, clock_boot_ms());
    const struct dms_request request = {.method = "POST",
                                        .task_id = task->lease.task_id,
                                        .action = action_of(task),
                                        .body = body,
                                        .timeout_ms =
                                            task->leased->service->settings.request_timeout_secs * 1000,
                                        .answer_limit_bytes = LIMIT_HEARTBEAT_ANSWER_BYTES,
                                        .on_done = on_report_answer,
                                        .context = task};
    task->report_call = dms_send(task->leased->dms, &request);
    free(body);
}
