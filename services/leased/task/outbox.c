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

struct outbox {
    struct loop *loop;
    struct random *random;
    struct dms_client *dms;
    int64_t timeout_ms;
};

struct outbox_report {
    struct outbox *outbox;
    struct outbox_entry entry;
    struct dms_call *call;
    struct loop_timer again;
    struct retry retry;
    bool may_have_arrived;
};

static void send_report(void *context);

void outbox_take_back(struct outbox_report *report)
{
    if (!report)
        return;
    loop_timer_stop(&report->again);
    dms_cancel(report->call);
    free(report->entry.body);
    free(report);
}

static void finish(struct outbox_report *report, const char *refusal)
{
    const struct outbox_entry entry = report->entry;
    outbox_take_back(report);
    entry.on_done(entry.context, refusal);
}

static void try_again(struct outbox_report *report, const char *text, int64_t retry_after_ms)
{
    int64_t wait_ms =
        retry_next_ms(&report->retry, clock_boot_ms(), retry_after_ms, 0, report->outbox->random);
    log_write(LOG_LEVEL_WARN, report->entry.log, "%s: %s; trying again in %.1f s", report->entry.action, text,
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
    crash_point("leased.report.before_sending");
    const struct dms_request request = {.task_id = report->entry.task_id,
                                        .action = report->entry.action,
                                        .body = report->entry.body,
                                        .timeout_ms = report->outbox->timeout_ms,
                                        .answer_limit_bytes = LIMIT_HEARTBEAT_ANSWER_BYTES,
                                        .on_done = on_answer,
                                        .context = report};
    report->call = dms_send(report->outbox->dms, &request);
}

struct outbox_report *outbox_send(struct outbox *outbox, const struct outbox_entry *entry)
{
    struct outbox_report *report = memory_allocate(sizeof *report);
    report->outbox = outbox;
    report->entry = *entry;
    loop_timer_init(&report->again, outbox->loop, send_report, report);
    retry_start(&report->retry, &report_policy, clock_boot_ms());
    send_report(report);
    return report;
}

struct outbox *outbox_create(struct loop *loop, struct random *random, struct dms_client *dms,
                             int64_t timeout_ms)
{
    struct outbox *outbox = memory_allocate(sizeof *outbox);
    *outbox = (struct outbox){.loop = loop, .random = random, .dms = dms, .timeout_ms = timeout_ms};
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    free(outbox);
}
