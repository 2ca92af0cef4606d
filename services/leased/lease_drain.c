#include "services/leased/lease_drain.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>

enum {
    WAIT_HOLD_MS = 5000,
    /* After the grace jobs are stopped and reports sent for so long, DMS reachable or not. posemesh-node
     * waits a second more before it stops us. */
    END_MS = 14000,
    HURRIED_END_MS = 9000
};

struct lease_drain {
    int64_t grace_ms;
    struct lease_drain_events events;
    bool begun;
    bool hurried;
    bool grace_over;
    struct loop_timer timer;
    struct ipc_request *waiter; /* NULL: nobody waits */
    int64_t wait_since_ms;
};

/* From here on a bound runs: what DMS, stored or a runner host keep waiting is given up at its end. */
static void end_grace(struct lease_drain *drain, int64_t end_ms)
{
    if (drain->events.count_leases(drain->events.context))
        log_warn("the drain's grace is over: running jobs are cancelled");
    drain->grace_over = true;
    loop_timer_start(&drain->timer, end_ms);
    drain->events.on_phase(drain->events.context, DRAIN_GRACE_OVER);
}

static void on_timer(void *context)
{
    struct lease_drain *drain = context;
    if (drain->grace_over)
        drain->events.on_phase(drain->events.context, DRAIN_BOUND_REACHED);
    else
        end_grace(drain, END_MS);
}

void lease_drain_begin(struct lease_drain *drain, bool hurry)
{
    if (!drain->begun) {
        size_t leases = drain->events.count_leases(drain->events.context);
        log_info("draining: %zu lease%s held", leases, leases == 1 ? "" : "s");
        drain->begun = true;
        loop_timer_start(&drain->timer, drain->grace_ms);
        drain->events.on_phase(drain->events.context, DRAIN_BEGUN);
    }
    /* Once: a repeat must not move the end. */
    if (hurry && !drain->hurried) {
        drain->hurried = true;
        end_grace(drain, HURRIED_END_MS);
    }
}

bool lease_drain_has_begun(const struct lease_drain *drain)
{
    return drain->begun;
}

/* --- who waits for its end --- */

static void answer_waiter(struct lease_drain *drain)
{
    const struct message_drain_state state = {.drained = drain->events.is_drained(drain->events.context),
                                              .leases =
                                                  (int64_t)drain->events.count_leases(drain->events.context)};
    struct ipc_request *waiter = drain->waiter;
    drain->waiter = NULL;
    ipc_answer(waiter, &state);
}

void lease_drain_look(struct lease_drain *drain)
{
    if (drain->waiter && (drain->events.is_drained(drain->events.context) ||
                          clock_boot_ms() - drain->wait_since_ms >= WAIT_HOLD_MS))
        answer_waiter(drain);
}

void lease_drain_wait(struct lease_drain *drain, struct ipc_request *request)
{
    /* A caller that asks again does not listen for the answer to its earlier request any more. */
    if (drain->waiter)
        answer_waiter(drain);
    drain->waiter = request;
    drain->wait_since_ms = clock_boot_ms();
    lease_drain_look(drain);
}

struct lease_drain *lease_drain_create(struct loop *loop, int64_t grace_ms,
                                       const struct lease_drain_events *events)
{
    struct lease_drain *drain = memory_allocate(sizeof *drain);
    drain->grace_ms = grace_ms;
    drain->events = *events;
    loop_timer_init(&drain->timer, loop, on_timer, drain);
    return drain;
}

void lease_drain_free(struct lease_drain *drain)
{
    if (!drain)
        return;
    loop_timer_stop(&drain->timer);
    free(drain);
}
