#include "services/leased/task/heartbeater.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/loop/loop.h"

#include <stdlib.h>

/* Without an expiry in the lease there is no half of its time; this long is tried before the set-up counts as
 * failed. */
enum { FIRST_HEARTBEAT_PATIENCE_MS = 60000 };

/* The flush is tried while the lease lasts, so that no event is lost. Finished work must not wait for ever
 * behind it: not when the lease has no end, nor when DMS refuses what it says. */
enum { FLUSH_PATIENCE_MS = 300000, FLUSH_REFUSALS_MAX = 3 };

enum mode {
    MODE_STOPPED, /* also before the first */
    MODE_FIRST,
    MODE_REGULAR,
    MODE_FLUSHING,
    MODE_HOLDING /* until the report is answered */
};

struct heartbeater {
    struct task_driver driver;
    heartbeater_answer_function *on_answered;
    enum mode mode;
    struct lease_clock clock;
    struct heartbeat heartbeat;
    struct pending_updates updates;
    struct loop_timer heartbeat_timer;
    struct loop_timer fence_timer;
    struct dms_call *call;
    char failure[DMS_TEXT_BYTES]; /* of the last one that failed */
    int64_t created_boot_ms;
    int64_t answered_sent_boot_ms; /* when the last that was answered went; 0: none was */
    int64_t flush_since_ms;
    int flush_refusals;
    bool lost; /* the lease */
};

static void tell(struct heartbeater *heartbeater, enum task_event event, const char *reason)
{
    heartbeater->driver.on_event(heartbeater->driver.context, event, reason);
}

static void send_heartbeat(struct heartbeater *heartbeater);
static void flush(struct heartbeater *heartbeater);

/* The node fences itself (design): when DMS cannot be reached, nothing but this timer stops the job before
 * DMS may give the task to another node. */
static void arm_fence(struct heartbeater *heartbeater)
{
    if (heartbeater->clock.fence_boot_ms)
        loop_timer_start(&heartbeater->fence_timer, heartbeater->clock.fence_boot_ms - clock_boot_ms());
}

/* There is nothing to keep alive any more. */
static void lose(struct heartbeater *heartbeater)
{
    heartbeater_stop(heartbeater);
    heartbeater->lost = true;
    tell(heartbeater, TASK_EVENT_LOST, NULL);
}

static void on_fence(void *context)
{
    struct heartbeater *heartbeater = context;
    if (!lease_clock_ran_out(&heartbeater->clock, clock_boot_ms())) {
        arm_fence(heartbeater);
        return;
    }
    log_write(LOG_LEVEL_WARN, heartbeater->driver.log, "the lease has run out while %s",
              task_state_name(heartbeater->driver.life->state));
    lose(heartbeater);
}

/* docs/network.md 3.2, 3: until half of the lease's time is gone. */
static int64_t first_heartbeat_ends_ms(const struct heartbeater *heartbeater)
{
    int64_t created_ms = heartbeater->created_boot_ms;
    if (!heartbeater->clock.fence_boot_ms)
        return created_ms + FIRST_HEARTBEAT_PATIENCE_MS;
    return created_ms + (heartbeater->clock.ends_boot_ms - created_ms) / 2;
}

static bool first_heartbeat_lasts_too_long(const struct heartbeater *heartbeater)
{
    return heartbeater->mode == MODE_FIRST && clock_boot_ms() >= first_heartbeat_ends_ms(heartbeater);
}

static void give_up_first_heartbeat(struct heartbeater *heartbeater)
{
    const char *reason = *heartbeater->failure ? heartbeater->failure : "the lease was over at once";
    tell(heartbeater, TASK_EVENT_HEARTBEAT_GIVEN_UP, reason);
}

static void schedule(struct heartbeater *heartbeater)
{
    if (heartbeater->mode == MODE_STOPPED)
        return;
    arm_fence(heartbeater);
    int64_t due_ms = heartbeat_due_ms(&heartbeater->heartbeat);
    /* A long backoff must not put off the moment at which the set-up has failed. */
    if (due_ms != HEARTBEAT_NEVER && heartbeater->mode == MODE_FIRST &&
        due_ms > first_heartbeat_ends_ms(heartbeater))
        due_ms = first_heartbeat_ends_ms(heartbeater);
    if (due_ms == HEARTBEAT_NEVER)
        loop_timer_stop(&heartbeater->heartbeat_timer);
    else
        loop_timer_start(&heartbeater->heartbeat_timer, due_ms - clock_boot_ms());
}

static void on_heartbeat_due(void *context)
{
    struct heartbeater *heartbeater = context;
    if (first_heartbeat_lasts_too_long(heartbeater)) {
        give_up_first_heartbeat(heartbeater);
        return;
    }
    int64_t due_ms = heartbeat_due_ms(&heartbeater->heartbeat);
    if (due_ms != HEARTBEAT_NEVER && due_ms <= clock_boot_ms())
        send_heartbeat(heartbeater);
    else
        schedule(heartbeater);
}

/* --- answers --- */

static void take_answer(struct heartbeater *heartbeater, const struct dms_answer *answer)
{
    struct error error;
    struct lease_changes changes;
    const struct http_response *response = answer->response;
    struct lease *lease = heartbeater->driver.lease;
    int64_t now_ms = clock_boot_ms();
    if (!lease_merge(lease, response->body, response->body_bytes, &changes, &error))
        log_write(LOG_LEVEL_WARN, heartbeater->driver.log, "the heartbeat's answer changes nothing: %s",
                  error.text);
    if (changes.expiry) {
        int64_t server_ms = clock_server_unix_ms(response->date_unix_ms, clock_unix_ms());
        lease_clock_set(&heartbeater->clock, lease->expires_at_unix_ms, server_ms, answer->sent_boot_ms);
    }
    pending_updates_acknowledge(&heartbeater->updates);
    if (changes.token)
        heartbeat_on_token(&heartbeater->heartbeat);
    heartbeat_on_answered(&heartbeater->heartbeat, &heartbeater->clock,
                          pending_updates_any(&heartbeater->updates), now_ms,
                          heartbeater->driver.around->random);
    heartbeater->answered_sent_boot_ms = answer->sent_boot_ms;
    heartbeater->on_answered(heartbeater->driver.context, &changes);
}

static void on_accepted(struct heartbeater *heartbeater, const struct dms_answer *answer)
{
    take_answer(heartbeater, answer);
    if (heartbeater->driver.lease->cancel) {
        log_write(LOG_LEVEL_INFO, heartbeater->driver.log, "DMS cancelled the task");
        tell(heartbeater, TASK_EVENT_CANCELLED, NULL);
    } else if (heartbeater->mode == MODE_FIRST) {
        heartbeater->mode = MODE_REGULAR;
        schedule(heartbeater);
        tell(heartbeater, TASK_EVENT_HEARTBEAT_ACCEPTED, NULL);
    } else if (heartbeater->mode == MODE_FLUSHING) {
        flush(heartbeater);
    } else {
        schedule(heartbeater);
    }
}

/* What the failed heartbeat carried is pending again, and goes with the next. */
static void try_again(struct heartbeater *heartbeater, int64_t retry_after_ms)
{
    heartbeat_on_failed(&heartbeater->heartbeat, &heartbeater->clock, retry_after_ms, clock_boot_ms(),
                        heartbeater->driver.around->random);
    schedule(heartbeater);
}

static bool flush_lasts_too_long(const struct heartbeater *heartbeater)
{
    return heartbeater->mode == MODE_FLUSHING && !heartbeater->clock.fence_boot_ms &&
           clock_boot_ms() - heartbeater->flush_since_ms >= FLUSH_PATIENCE_MS;
}

static void give_up_flush(struct heartbeater *heartbeater)
{
    size_t untold = heartbeater->updates.event_count;
    log_write(LOG_LEVEL_ERROR, heartbeater->driver.log, "DMS did not take the last progress and %zu %s",
              untold, text_plural(untold, "event", "events"));
    tell(heartbeater, TASK_EVENT_FLUSHED, NULL);
}

static void on_transient_failure(struct heartbeater *heartbeater, int64_t retry_after_ms)
{
    log_write(LOG_LEVEL_WARN, heartbeater->driver.log, "heartbeat: %s", heartbeater->failure);
    if (first_heartbeat_lasts_too_long(heartbeater))
        give_up_first_heartbeat(heartbeater);
    else if (flush_lasts_too_long(heartbeater))
        give_up_flush(heartbeater);
    else
        try_again(heartbeater, retry_after_ms);
}

/* docs/network.md 3.3: what ends a lease, and what is only logged. */
static void on_refused(struct heartbeater *heartbeater, int status)
{
    /* While a report is on its way DMS may have taken it, and its answer is late. */
    log_write(heartbeater->mode == MODE_HOLDING ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, heartbeater->driver.log,
              "a heartbeat was refused: %s", heartbeater->failure);
    if (status == 404 || status == 409 || status == 410 || status == 403) {
        lose(heartbeater);
    } else if (heartbeater->mode == MODE_FIRST) {
        give_up_first_heartbeat(heartbeater);
    } else if (heartbeater->mode == MODE_FLUSHING) {
        /* Its normal time may be hours away, and the report waits. */
        if (++heartbeater->flush_refusals >= FLUSH_REFUSALS_MAX)
            give_up_flush(heartbeater);
        else
            try_again(heartbeater, -1);
    } else {
        heartbeat_on_answered(&heartbeater->heartbeat, &heartbeater->clock, false, clock_boot_ms(),
                              heartbeater->driver.around->random);
        schedule(heartbeater);
    }
}

/* docs/network.md, "Retries": the lease does not wait until it is found what DMS does not take. */
static void on_content_refused(struct heartbeater *heartbeater)
{
    const char *dropped = pending_updates_refuse(&heartbeater->updates);
    log_write(LOG_LEVEL_WARN, heartbeater->driver.log, "a heartbeat was refused: %s; %s%s",
              heartbeater->failure, dropped ? dropped : "what it carried goes in parts",
              dropped ? " is dropped, as it was refused alone" : "");
    send_heartbeat(heartbeater);
}

static bool is_refusal_of_content(int status)
{
    return status == 400 || status == 413 || status == 422;
}

static void on_answer(void *context, const struct dms_answer *answer)
{
    struct heartbeater *heartbeater = context;
    const struct http_response *response = answer->response;
    int status = response ? response->status : 0;
    heartbeater->call = NULL;
    heartbeater->heartbeat.in_flight = false;
    if (status >= 200 && status <= 299) {
        on_accepted(heartbeater, answer);
        return;
    }
    dms_describe(answer, heartbeater->failure);
    if (is_refusal_of_content(status) && pending_updates_are_in_flight(&heartbeater->updates)) {
        on_content_refused(heartbeater);
        return;
    }
    pending_updates_restore(&heartbeater->updates);
    if (status < 400 || retry_status_is_transient(status))
        on_transient_failure(heartbeater, response ? response->retry_after_ms : -1);
    else
        on_refused(heartbeater, status);
}

/* --- sending --- */

static void send_heartbeat(struct heartbeater *heartbeater)
{
    char *body = pending_updates_compose_heartbeat(&heartbeater->updates);
    const struct dms_request request = {
        .task_id = heartbeater->driver.lease->task_id,
        .action = "heartbeat",
        .body = body,
        .timeout_ms = heartbeat_on_sent(&heartbeater->heartbeat, &heartbeater->clock, clock_boot_ms()),
        .bound_token = true,
        .fresh_token_on_403 = true,
        .answer_limit_bytes = LIMIT_LEASE_ANSWER_BYTES,
        .on_done = on_answer,
        .context = heartbeater};
    heartbeater->call = dms_send(heartbeater->driver.around->dms, &request);
    free(body);
}

static void flush(struct heartbeater *heartbeater)
{
    if (heartbeater->heartbeat.in_flight)
        return;
    if (!pending_updates_any(&heartbeater->updates)) {
        tell(heartbeater, TASK_EVENT_FLUSHED, NULL);
    } else if (heartbeater->heartbeat.retry_due_ms != HEARTBEAT_NEVER) {
        /* DMS asked for a pause, or fails: the retry carries it all. */
        schedule(heartbeater);
    } else {
        loop_timer_stop(&heartbeater->heartbeat_timer);
        send_heartbeat(heartbeater);
    }
}

void heartbeater_flush(struct heartbeater *heartbeater)
{
    heartbeater->mode = MODE_FLUSHING;
    heartbeater->flush_since_ms = clock_boot_ms();
    flush(heartbeater);
}

void heartbeater_hold(struct heartbeater *heartbeater)
{
    bool held = heartbeater->mode == MODE_REGULAR || heartbeater->mode == MODE_FLUSHING;
    if (!held || heartbeater->lost) {
        heartbeater_stop(heartbeater);
        return;
    }
    heartbeater->mode = MODE_HOLDING;
    pending_updates_forget_events(&heartbeater->updates);
    schedule(heartbeater);
}

/* --- updates --- */

bool heartbeater_update(struct heartbeater *heartbeater, pending_updates_function *take, int64_t sequence,
                        const char *text, struct error *error)
{
    if (!take(&heartbeater->updates, sequence, text, error))
        return false;
    if (pending_updates_any(&heartbeater->updates))
        heartbeat_on_change(&heartbeater->heartbeat, clock_boot_ms(), heartbeater->driver.around->random);
    schedule(heartbeater);
    return true;
}

bool heartbeater_knows(const struct heartbeater *heartbeater, int64_t sequence)
{
    return pending_updates_know(&heartbeater->updates, sequence);
}

void heartbeater_hurry(struct heartbeater *heartbeater)
{
    heartbeat_on_urgent(&heartbeater->heartbeat, clock_boot_ms());
    schedule(heartbeater);
}

int64_t heartbeater_answered_boot_ms(const struct heartbeater *heartbeater)
{
    return heartbeater->answered_sent_boot_ms;
}

int64_t heartbeater_fence_boot_ms(const struct heartbeater *heartbeater)
{
    return heartbeater->clock.fence_boot_ms;
}

int64_t heartbeater_grace_ms(const struct heartbeater *heartbeater)
{
    return heartbeater->lost ? lease_clock_grace_ms(&heartbeater->clock, clock_boot_ms()) : 0;
}

/* --- life --- */

struct heartbeater *heartbeater_create(const struct task_driver *driver,
                                       heartbeater_answer_function *on_answered)
{
    struct heartbeater *heartbeater = memory_allocate(sizeof *heartbeater);
    heartbeater->driver = *driver;
    heartbeater->on_answered = on_answered;
    heartbeater->created_boot_ms = clock_boot_ms();
    heartbeat_init(&heartbeater->heartbeat, &driver->around->heartbeat_rules);
    loop_timer_init(&heartbeater->heartbeat_timer, driver->around->loop, on_heartbeat_due, heartbeater);
    loop_timer_init(&heartbeater->fence_timer, driver->around->loop, on_fence, heartbeater);
    return heartbeater;
}

void heartbeater_begin(struct heartbeater *heartbeater, int64_t server_unix_ms, int64_t sent_boot_ms)
{
    const struct lease *lease = heartbeater->driver.lease;
    if (lease->has_expiry)
        lease_clock_set(&heartbeater->clock, lease->expires_at_unix_ms, server_unix_ms, sent_boot_ms);
    heartbeater->mode = MODE_FIRST;
    heartbeater_hurry(heartbeater);
}

void heartbeater_stop(struct heartbeater *heartbeater)
{
    heartbeater->mode = MODE_STOPPED;
    loop_timer_stop(&heartbeater->heartbeat_timer);
    loop_timer_stop(&heartbeater->fence_timer);
    dms_cancel(heartbeater->call);
    heartbeater->call = NULL;
    heartbeater->heartbeat.in_flight = false;
}

void heartbeater_free(struct heartbeater *heartbeater)
{
    if (!heartbeater)
        return;
    heartbeater_stop(heartbeater);
    pending_updates_clear(&heartbeater->updates);
    free(heartbeater);
}
