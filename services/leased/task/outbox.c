#include "services/leased/task/outbox.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/crash_point.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/retry.h"
#include "libcommon/loop/loop.h"

#include <stdlib.h>

static const struct retry_policy report_policy = {
    /* No bound but a drain's: the work is done, and DMS is all that is missing. */
    .base_ms = 1000,
    .cap_ms = 60000,
    .attempts_max = 0,
    .duration_ms = 0};

struct outbox_report {
    struct task_driver driver;
    const char *action;
    char *body;
    outbox_done_function *on_done;
    struct dms_call *call;
    struct loop_timer again;
    struct retry retry;
    bool may_have_arrived;
};

void outbox_take_back(struct outbox_report *report)
{
    if (!report)
        return;
    loop_timer_stop(&report->again);
    dms_cancel(report->call);
    free(report->body);
    free(report);
}

static void finish(struct outbox_report *report, const char *refusal)
{
    outbox_done_function *on_done = report->on_done;
    void *context = report->driver.context;
    outbox_take_back(report);
    on_done(context, refusal);
}

static void try_again(struct outbox_report *report, const char *text, int64_t retry_after_ms)
{
    int64_t wait_ms =
        retry_next_ms(&report->retry, clock_boot_ms(), retry_after_ms, report->driver.around->random);
    log_write(LOG_LEVEL_WARN, report->driver.log, "%s: %s; trying again in %.1f s", report->action, text,
              (double)wait_ms / 1000);
    loop_timer_start(&report->again, wait_ms);
}

static void on_answer(void *context, const struct dms_answer *answer)
{
    struct outbox_report *report = context;
    char text[DMS_TEXT_BYTES];
    report->call = NULL;
    dms_describe(answer, text);
    if (!answer->response) {
        report->may_have_arrived = report->may_have_arrived || answer->sent;
        try_again(report, text, -1);
        return;
    }
    int status = answer->response->status;
    bool taken = status >= 200 && status <= 299;
    /* The answer to an earlier try got lost, and DMS no longer knows the task as open (design: finished
     * work). */
    bool taken_before = (status == 404 || status == 409) && report->may_have_arrived;
    if (taken || taken_before) {
        crash_point("leased.report.taken");
        finish(report, NULL);
    } else if (status < 400 || status == 401 || retry_status_is_transient(status)) {
        report->may_have_arrived = report->may_have_arrived || status >= 500;
        try_again(report, text, answer->response->retry_after_ms);
    } else {
        finish(report, text);
    }
}

static void send_report(void *context)
{
    struct outbox_report *report = context;
    const struct task_surroundings *around = report->driver.around;
    crash_point("leased.report.before_sending");
    const struct dms_request request = {.task_id = report->driver.lease->task_id,
                                        .action = report->action,
                                        .body = report->body,
                                        .timeout_ms = around->heartbeat_rules.request_timeout_ms,
                                        .answer_limit_bytes = LIMIT_LEASE_ANSWER_BYTES,
                                        .on_done = on_answer,
                                        .context = report};
    report->call = dms_send(around->dms, &request);
}

struct outbox_report *outbox_send(const struct task_driver *driver, const char *action, char *body,
                                  outbox_done_function *on_done)
{
    struct outbox_report *report = memory_allocate(sizeof *report);
    *report = (struct outbox_report){.driver = *driver, .action = action, .body = body, .on_done = on_done};
    loop_timer_init(&report->again, driver->around->loop, send_report, report);
    retry_start(&report->retry, &report_policy, clock_boot_ms());
    send_report(report);
    return report;
}
