#include "services/runnerd/host/job_updates.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/node/messages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { RETRY_MS = 1000, EVENTS_WAITING = 8 };

enum update_kind { UPDATE_NONE, UPDATE_EVENT, UPDATE_PROGRESS, UPDATE_FINISH };

struct waiting_event {
    char *json;
    STAILQ_ENTRY(waiting_event) next;
};

struct job_updates {
    struct job_updates_options options;
    STAILQ_HEAD(waiting_event_list, waiting_event) events; /* oldest first */
    size_t event_count;
    char *progress; /* NULL: none waits */
    bool finishing;
    bool succeeded;
    char *reason;
    int64_t ran_ms;

    enum update_kind kind; /* of the message in flight, or to be sent again */
    char *json;
    int64_t sequence;
    struct ipc_call *call;
    struct loop_timer retry;
};

static void pump(struct job_updates *updates);

static char *pop_event(struct job_updates *updates)
{
    struct waiting_event *event = STAILQ_FIRST(&updates->events);
    char *json = event->json;
    STAILQ_REMOVE_HEAD(&updates->events, next);
    updates->event_count--;
    free(event);
    return json;
}

static void end_current(struct job_updates *updates)
{
    updates->kind = UPDATE_NONE;
    free(updates->json);
    updates->json = NULL;
}

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct job_updates *updates = context;
    (void)answer;
    updates->call = NULL;
    if (failure && (failure->code == ERROR_UNAVAILABLE || failure->code == ERROR_TIMEOUT)) {
        loop_timer_start(&updates->retry, RETRY_MS);
        return;
    }
    bool finished = updates->kind == UPDATE_FINISH;
    bool was_full = job_updates_is_full(updates);
    if (failure)
        log_write(failure->code == ERROR_NOT_FOUND ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, updates->options.log,
                  "leased did not take %s: %s",
                  finished                        ? "the job's end"
                  : updates->kind == UPDATE_EVENT ? "an event"
                                                  : "progress",
                  failure->text);
    end_current(updates);
    if (finished) {
        updates->options.on_finished(updates->options.context);
        return;
    }
    pump(updates);
    if (was_full && !job_updates_is_full(updates))
        updates->options.on_room(updates->options.context);
}

static void send_current(void *context)
{
    struct job_updates *updates = context;
    struct ipc_client *leased = updates->options.leased;
    const struct secret key = *updates->options.task_key; /* a view: not wiped by us */
    if (updates->kind == UPDATE_EVENT) {
        const struct message_task_event event = {
            .task_key = key, .sequence = updates->sequence, .event = updates->json};
        updates->call = call_task_event(leased, &event, on_answer, updates);
    } else if (updates->kind == UPDATE_PROGRESS) {
        const struct message_task_progress progress = {
            .task_key = key, .sequence = updates->sequence, .progress = updates->json};
        updates->call = call_task_progress(leased, &progress, on_answer, updates);
    } else {
        const struct message_task_finish finish = {.task_key = key,
                                                   .succeeded = updates->succeeded,
                                                   .reason = updates->reason,
                                                   .ran_ms = updates->ran_ms};
        updates->call = call_task_finish(leased, &finish, on_answer, updates);
    }
}

static void pump(struct job_updates *updates)
{
    if (updates->kind != UPDATE_NONE)
        return;
    if (updates->event_count) {
        updates->kind = UPDATE_EVENT;
        updates->json = pop_event(updates);
    } else if (updates->progress) {
        updates->kind = UPDATE_PROGRESS;
        updates->json = updates->progress;
        updates->progress = NULL;
    } else if (updates->finishing) {
        updates->finishing = false;
        updates->kind = UPDATE_FINISH;
    } else {
        return;
    }
    updates->sequence++;
    send_current(updates);
}

/* --- what the job tells --- */

static bool is_within(const struct job_updates *updates, const char *what, size_t length, int limit)
{
    if (length > (size_t)limit)
        log_write(LOG_LEVEL_WARN, updates->options.log, "%s of %zu bytes is dropped: the limit is %d", what,
                  length, limit);
    return length <= (size_t)limit;
}

void job_updates_progress(struct job_updates *updates, const char *json, size_t length)
{
    if (!is_within(updates, "progress", length, LIMIT_PROGRESS_BYTES))
        return;
    free(updates->progress);
    updates->progress = memory_copy_bytes(json, length);
    pump(updates);
}

void job_updates_event(struct job_updates *updates, const char *json, size_t length)
{
    if (!is_within(updates, "an event", length, LIMIT_EVENT_BYTES))
        return;
    struct waiting_event *event = memory_allocate(sizeof *event);
    event->json = memory_copy_bytes(json, length);
    STAILQ_INSERT_TAIL(&updates->events, event, next);
    updates->event_count++;
    pump(updates);
}

bool job_updates_is_full(const struct job_updates *updates)
{
    return updates->event_count >= EVENTS_WAITING;
}

static void drop_waiting(struct job_updates *updates)
{
    while (updates->event_count)
        free(pop_event(updates));
    free(updates->progress);
    updates->progress = NULL;
}

void job_updates_drop(struct job_updates *updates)
{
    drop_waiting(updates);
    if (!loop_timer_running(&updates->retry))
        return;
    loop_timer_stop(&updates->retry);
    end_current(updates);
    pump(updates);
}

void job_updates_finish(struct job_updates *updates, bool succeeded, const char *reason, int64_t ran_ms)
{
    updates->finishing = true;
    updates->succeeded = succeeded;
    updates->ran_ms = ran_ms;
    memory_replace_text(&updates->reason, succeeded ? NULL : reason);
    /* What leased would refuse never reaches it. */
    if (updates->reason)
        updates->reason[text_cut(updates->reason, strlen(updates->reason), LIMIT_REASON_BYTES)] = '\0';
    pump(updates);
}

struct job_updates *job_updates_create(const struct job_updates_options *options)
{
    struct job_updates *updates = memory_allocate(sizeof *updates);
    updates->options = *options;
    STAILQ_INIT(&updates->events);
    loop_timer_init(&updates->retry, options->loop, send_current, updates);
    return updates;
}

void job_updates_free(struct job_updates *updates)
{
    if (!updates)
        return;
    ipc_cancel(updates->call);
    loop_timer_stop(&updates->retry);
    drop_waiting(updates);
    free(updates->json);
    free(updates->reason);
    free(updates);
}
