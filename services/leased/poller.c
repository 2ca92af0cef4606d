#include "services/leased/poller.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/http/http_clocks.h"
#include "services/leased/poll_wait.h"

#include <stdlib.h>

enum { DRAIN_ANSWER_MS = 5000 };

struct poller {
    struct poller_options options;
    bool draining;
    struct dms_call *call;
    struct loop_timer idle; /* runs while waiting */
    int64_t polled_boot_ms;
    enum poller_state state;
    struct poll_wait wait;
};

/* docs/network.md 3.1: there was no work, or none that got beyond its set-up. */
static void wait_idle(struct poller *poller)
{
    loop_timer_start(&poller->idle, poll_wait_idle_ms(&poller->wait));
}

/* --- what an answer brings --- */

/* Such a lease never runs out here (docs/network.md 3.3); DMS may give its task away at any time. */
static void warn_of_past_end(const struct lease *lease, const struct http_response *response,
                             int64_t server_unix_ms)
{
    char end[RFC3339_BYTES];
    char clocks[HTTP_CLOCKS_BYTES];
    if (!lease->has_expiry || lease->expires_at_unix_ms > server_unix_ms)
        return;
    rfc3339_format_milliseconds(lease->expires_at_unix_ms, end);
    log_warn("the lease of task %s had expired when it came, at %s; %s", lease->task_id, end,
             http_clocks_describe("expired", response->date_unix_ms, clock_unix_ms(), clocks));
}

static void take_envelope(struct poller *poller, const struct http_response *response, int64_t sent_boot_ms)
{
    struct lease lease;
    struct error error;
    bool work = false;
    if (!lease_decode(&lease, response->body, response->body_bytes, &error)) {
        log_error("a lease cannot be decoded: %s", error.text);
        /* It is failed by its task's id when that can be read. */
        lease.task_id = lease_peek_task_id(response->body, response->body_bytes);
        if (lease.task_id)
            poller->options.take_unreadable(poller->options.context, &lease, error.text);
    } else if (lease.cancel) {
        log_info("skipping task %s: it is already cancelled", lease.task_id);
        lease_clear(&lease);
    } else {
        lease.dms_is_private = response->from_private;
        int64_t server_ms = clock_server_unix_ms(response->date_unix_ms, clock_unix_ms());
        warn_of_past_end(&lease, response, server_ms);
        work = poller->options.take(poller->options.context, &lease, server_ms, sent_boot_ms);
    }
    if (work)
        poller_wake(poller);
    else
        wait_idle(poller);
}

static bool is_failing(const struct poller *poller)
{
    return poller->state == POLLER_WITHOUT_TOKEN || poller->state == POLLER_FAILING;
}

static void set_state(struct poller *poller, enum poller_state state)
{
    bool changed = poller->state != state;
    poller->state = state;
    if (changed)
        poller->options.on_state(poller->options.context);
}

/* Polls come every second or so: whoever is told of the state decides what is worth a line. */
static void back_off(struct poller *poller, const struct dms_answer *answer)
{
    int64_t retry_after_ms = answer->response ? answer->response->retry_after_ms : -1;
    char text[DMS_TEXT_BYTES];
    log_debug("cannot ask for work: %s", dms_describe(answer, text));
    loop_timer_start(&poller->idle, poll_wait_error_ms(&poller->wait, clock_boot_ms(), retry_after_ms));
    set_state(poller, answer->no_token ? POLLER_WITHOUT_TOKEN : POLLER_FAILING);
}

static void on_answer(void *context, const struct dms_answer *answer)
{
    struct poller *poller = context;
    const struct http_response *response = answer->response;
    int status = response ? response->status : 0;
    poller->call = NULL;
    if (status != 200 && status != 204 && status != 409) {
        back_off(poller, answer);
        return;
    }
    if (is_failing(poller))
        log_debug("DMS answers again");
    set_state(poller, POLLER_ANSWERED);
    poll_wait_answered(&poller->wait);
    if (status == 200)
        take_envelope(poller, response, answer->sent_boot_ms);
    else
        wait_idle(poller);
}

/* --- polling --- */

static void poll_now(struct poller *poller, const char *capability)
{
    const struct dms_request request = {.capability = capability,
                                        .timeout_ms = poller->options.request_timeout_ms,
                                        .answer_limit_bytes = LIMIT_LEASE_ANSWER_BYTES,
                                        .on_done = on_answer,
                                        .context = poller};
    poller->polled_boot_ms = clock_boot_ms();
    poller->call = dms_send(poller->options.dms, &request);
}

void poller_wake(struct poller *poller)
{
    const char *capability = NULL;
    if (!poller->draining && !poller->call && !loop_timer_running(&poller->idle) &&
        poller->options.may_poll(poller->options.context, &capability))
        poll_now(poller, capability);
}

static void cancel_poll(struct poller *poller)
{
    dms_cancel(poller->call);
    poller->call = NULL;
}

/* The timer has two uses: an idle wait or backoff, and in a drain the bound of the poll on its way. */
static void on_idle_over(void *context)
{
    struct poller *poller = context;
    if (poller->draining)
        cancel_poll(poller);
    else
        poller_wake(poller);
}

void poller_on_drain(struct poller *poller)
{
    poller->draining = true;
    loop_timer_stop(&poller->idle);
    if (poller->call && dms_call_is_sent(poller->call))
        loop_timer_start(&poller->idle, DRAIN_ANSWER_MS);
    else
        cancel_poll(poller);
}

bool poller_is_polling(const struct poller *poller)
{
    return poller->call != NULL;
}

void poller_on_task_ended(struct poller *poller, bool did_work)
{
    if (poller->draining)
        return;
    /* Work done is a reason to ask again at once, but none to cut a backoff or DMS's Retry-After short. */
    if (did_work && !is_failing(poller))
        loop_timer_stop(&poller->idle);
    else if (!did_work && !loop_timer_running(&poller->idle))
        wait_idle(poller);
    poller_wake(poller);
}

enum poller_state poller_state(const struct poller *poller)
{
    bool waits_for_token = poller->call && !dms_call_is_sent(poller->call) &&
                           clock_boot_ms() - poller->polled_boot_ms >= POLLER_TOKEN_PATIENCE_MS;
    return waits_for_token ? POLLER_WITHOUT_TOKEN : poller->state;
}

struct poller *poller_create(const struct poller_options *options)
{
    struct poller *poller = memory_allocate(sizeof *poller);
    poller->options = *options;
    poll_wait_init(&poller->wait, options->idle_min_ms, options->idle_max_ms, options->random);
    loop_timer_init(&poller->idle, options->loop, on_idle_over, poller);
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
