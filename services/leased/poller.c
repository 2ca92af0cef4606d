#include "services/leased/poller.h"

#include "libcommon/clock.h"
#include "libcommon/limits.h"
#include "libcommon/log.h"
#include "libcommon/memory.h"
#include "services/leased/task.h"

#include <stdio.h>
#include <stdlib.h>

enum { WARN_SPACING_MS = 60000 };

struct poller {
    struct leased *leased;
    struct dms_call *call;
    struct loop_timer idle; /* runs while waiting */
    int64_t warned_boot_ms; /* when a failure was last worth a warning */
    bool failing;           /* the last poll failed: the next one's success is worth a line */
};

static void poll_now(struct poller *poller);

static void wait_idle(struct poller *poller, int64_t retry_after_ms)
{
    struct service_context *service = poller->leased->service;
    int64_t wait_ms = random_between(&service->random, service->settings.poll_backoff_ms_min,
                                     service->settings.poll_backoff_ms_max);
    loop_timer_start(&poller->idle, wait_ms > retry_after_ms ? wait_ms : retry_after_ms);
}

static bool may_poll(const struct poller *poller)
{
    const struct leased *leased = poller->leased;
    return !leased->draining && !leased->stopping && runner_hosts_count(leased->hosts) > 0 &&
           leased->task_count < (size_t)leased->service->settings.max_concurrency;
}

/* --- what an answer brings --- */

/* An envelope that cannot be decoded is failed by its task's id when that can be read. */
static void take_bad_envelope(struct poller *poller, const struct http_response *response,
                              const struct error *error)
{
    struct lease lease = {.task_id = lease_peek_task_id(response->body, response->body_bytes)};
    log_error("a lease cannot be decoded: %s", error->text);
    if (lease.task_id)
        task_create_refused(poller->leased, &lease, "decode_lease", error->text);
    wait_idle(poller, -1);
}

static void take_envelope(struct poller *poller, const struct http_response *response, int64_t sent_boot_ms)
{
    struct leased *leased = poller->leased;
    struct lease lease;
    struct error error;
    if (!lease_decode(&lease, response->body, response->body_bytes, &error)) {
        take_bad_envelope(poller, response, &error);
        return;
    }
    if (lease.cancel) {
        log_info("skipping task %s: it is already cancelled", lease.task_id);
        lease_clear(&lease);
        wait_idle(poller, -1);
        return;
    }
    if (!runner_hosts_offer(leased->hosts, lease.capability)) {
        char text[LIMIT_NAME_BYTES + 64];
        snprintf(text, sizeof text, "capability %s is not registered here", lease.capability);
        log_warn("task %s: %s", lease.task_id, text);
        task_create_refused(leased, &lease, "start_session", text);
        wait_idle(poller, -1);
        return;
    }
    int64_t server_ms = response->date_unix_ms >= 0 ? response->date_unix_ms : clock_unix_ms();
    task_create(leased, &lease, server_ms, sent_boot_ms);
    poller_wake(poller);
}

/* Polls come every second or so: a line a minute says as much as a line each. */
static void note_failure(struct poller *poller, const char *text, int64_t retry_after_ms)
{
    int64_t now_ms = clock_boot_ms();
    bool quiet = poller->failing && now_ms - poller->warned_boot_ms < WARN_SPACING_MS;
    log_write(quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, NULL, "cannot ask for work: %s", text);
    if (!quiet)
        poller->warned_boot_ms = now_ms;
    poller->failing = true;
    wait_idle(poller, retry_after_ms);
}

static void on_answer(void *context, const struct dms_answer *answer)
{
    struct poller *poller = context;
    poller->call = NULL;
    if (!answer->response) {
        note_failure(poller, answer->failure->text, -1);
        return;
    }
    int status = answer->response->status;
    if (status != 200 && status != 204 && status != 409) {
        char text[64];
        snprintf(text, sizeof text, "DMS answered %d", status);
        note_failure(poller, text, answer->response->retry_after_ms);
        return;
    }
    if (poller->failing)
        log_info("DMS answers again");
    poller->failing = false;
    if (status == 200)
        take_envelope(poller, answer->response, answer->sent_boot_ms);
    else
        wait_idle(poller, -1);
}

/* --- polling --- */

static void poll_now(struct poller *poller)
{
    const struct dms_request request = {.method = "GET",
                                        .timeout_ms =
                                            poller->leased->service->settings.request_timeout_secs * 1000,
                                        .answer_limit_bytes = LIMIT_LEASE_ANSWER_BYTES,
                                        .on_done = on_answer,
                                        .context = poller};
    poller->call = dms_send(poller->leased->dms, &request);
}

void poller_wake(struct poller *poller)
{
    if (!poller->call && !loop_timer_running(&poller->idle) && may_poll(poller))
        poll_now(poller);
}

static void on_idle_over(void *context)
{
    poller_wake(context);
}

void poller_on_task_ended(struct poller *poller, bool did_work)
{
    if (did_work)
        loop_timer_stop(&poller->idle);
    else if (!loop_timer_running(&poller->idle))
        wait_idle(poller, -1);
    poller_wake(poller);
}

const char *poller_describe(const struct poller *poller)
{
    if (poller->leased->draining)
        return "draining";
    if (runner_hosts_count(poller->leased->hosts) == 0)
        return "waiting for a runner host";
    if (poller->failing)
        return "cannot reach DMS or log in";
    return poller->leased->task_count ? "working" : "waiting for work";
}

struct poller *poller_create(struct leased *leased)
{
    struct poller *poller = memory_allocate(sizeof *poller);
    poller->leased = leased;
    loop_timer_init(&poller->idle, leased->service->loop, on_idle_over, poller);
    return poller;
}

void poller_free(struct poller *poller)
{
    if (!poller)
        return;
    dms_cancel(poller->call);
    loop_timer_stop(&poller->idle);
    free(poller);
}
