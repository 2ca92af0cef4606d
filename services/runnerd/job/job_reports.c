#include "services/runnerd/job/job_reports.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/node/messages.h"

#include <stdlib.h>
#include <string.h>

enum { RETRY_MS = 1000, EVENTS_WAITING = 8 };

enum report_kind { REPORT_NONE, REPORT_EVENT, REPORT_PROGRESS, REPORT_FINISH };

struct waiting_event {
    char *json;
    struct waiting_event *next;
};

struct job_reports {
    struct job_reports_options options;
    struct waiting_event *events; /* oldest first */
    struct waiting_event **events_end;
    size_t event_count;
    char *progress; /* NULL: none waits */
    bool finishing;
    bool succeeded;
    char *reason;

    enum report_kind kind; /* of the message in flight, or to be sent again */
    char *json;
    int64_t sequence;
    struct ipc_call *call;
    struct loop_timer retry;
};

static void pump(struct job_reports *reports);

static struct secret key_of(const struct job_reports *reports)
{
    return *reports->options.task_key; /* a view: not wiped by us */
}

static char *pop_event(struct job_reports *reports)
{
    struct waiting_event *event = reports->events;
    char *json = event->json;
    reports->events = event->next;
    if (!reports->events)
        reports->events_end = &reports->events;
    reports->event_count--;
    free(event);
    return json;
}

static void end_current(struct job_reports *reports)
{
    reports->kind = REPORT_NONE;
    free(reports->json);
    reports->json = NULL;
}

static bool may_succeed_later(const struct error *failure)
{
    return failure->code == ERROR_UNAVAILABLE || failure->code == ERROR_TIMEOUT;
}

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct job_reports *reports = context;
    (void)answer;
    reports->call = NULL;
    if (failure && may_succeed_later(failure)) {
        loop_timer_start(&reports->retry, RETRY_MS);
        return;
    }
    bool finished = reports->kind == REPORT_FINISH;
    bool was_full = job_reports_is_full(reports);
    if (failure)
        log_write(failure->code == ERROR_NOT_FOUND ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, reports->options.log,
                  "leased did not take %s: %s",
                  finished                        ? "the job's end"
                  : reports->kind == REPORT_EVENT ? "an event"
                                                  : "progress",
                  failure->text);
    end_current(reports);
    if (finished) {
        reports->options.on_finished(reports->options.context);
        return;
    }
    pump(reports);
    if (was_full && !job_reports_is_full(reports))
        reports->options.on_room(reports->options.context);
}

static void send_current(struct job_reports *reports)
{
    struct ipc_client *leased = reports->options.leased;
    if (reports->kind == REPORT_EVENT) {
        const struct message_task_event event = {
            .task_key = key_of(reports), .sequence = reports->sequence, .event = reports->json};
        reports->call = call_task_event(leased, &event, on_answer, reports);
    } else if (reports->kind == REPORT_PROGRESS) {
        const struct message_task_progress progress = {
            .task_key = key_of(reports), .sequence = reports->sequence, .progress = reports->json};
        reports->call = call_task_progress(leased, &progress, on_answer, reports);
    } else {
        const struct message_task_finish finish = {
            .task_key = key_of(reports), .succeeded = reports->succeeded, .reason = reports->reason};
        reports->call = call_task_finish(leased, &finish, on_answer, reports);
    }
}

static void pump(struct job_reports *reports)
{
    if (reports->kind != REPORT_NONE)
        return;
    if (reports->event_count) {
        reports->kind = REPORT_EVENT;
        reports->json = pop_event(reports);
    } else if (reports->progress) {
        reports->kind = REPORT_PROGRESS;
        reports->json = reports->progress;
        reports->progress = NULL;
    } else if (reports->finishing) {
        reports->finishing = false;
        reports->kind = REPORT_FINISH;
    } else {
        return;
    }
    reports->sequence++;
    send_current(reports);
}

static void on_retry(void *context)
{
    send_current(context);
}

/* --- what the job tells --- */

void job_reports_progress(struct job_reports *reports, const char *json, size_t length)
{
    if (length > LIMIT_PROGRESS_BYTES) {
        log_write(LOG_LEVEL_WARN, reports->options.log, "progress of %zu bytes is dropped: the limit is %d",
                  length, LIMIT_PROGRESS_BYTES);
        return;
    }
    free(reports->progress);
    reports->progress = memory_copy_bytes(json, length);
    pump(reports);
}

void job_reports_event(struct job_reports *reports, const char *json, size_t length)
{
    if (length > LIMIT_EVENT_BYTES) {
        log_write(LOG_LEVEL_WARN, reports->options.log, "an event of %zu bytes is dropped: the limit is %d",
                  length, LIMIT_EVENT_BYTES);
        return;
    }
    struct waiting_event *event = memory_allocate(sizeof *event);
    event->json = memory_copy_bytes(json, length);
    *reports->events_end = event;
    reports->events_end = &event->next;
    reports->event_count++;
    pump(reports);
}

bool job_reports_is_full(const struct job_reports *reports)
{
    return reports->event_count >= EVENTS_WAITING;
}

void job_reports_drop(struct job_reports *reports)
{
    while (reports->event_count)
        free(pop_event(reports));
    free(reports->progress);
    reports->progress = NULL;
    if (!loop_timer_running(&reports->retry))
        return;
    loop_timer_stop(&reports->retry);
    end_current(reports);
    pump(reports);
}

void job_reports_finish(struct job_reports *reports, bool succeeded, const char *reason)
{
    reports->finishing = true;
    reports->succeeded = succeeded;
    memory_replace_text(&reports->reason, succeeded ? NULL : reason);
    /* What leased would refuse never reaches it. */
    if (reports->reason && strlen(reports->reason) > LIMIT_REASON_BYTES)
        reports->reason[LIMIT_REASON_BYTES] = '\0';
    pump(reports);
}

struct job_reports *job_reports_create(const struct job_reports_options *options)
{
    struct job_reports *reports = memory_allocate(sizeof *reports);
    reports->options = *options;
    reports->events_end = &reports->events;
    loop_timer_init(&reports->retry, options->loop, on_retry, reports);
    return reports;
}

void job_reports_free(struct job_reports *reports)
{
    if (!reports)
        return;
    ipc_cancel(reports->call);
    loop_timer_stop(&reports->retry);
    while (reports->event_count)
        free(pop_event(reports));
    free(reports->progress);
    free(reports->json);
    free(reports->reason);
    free(reports);
}
