#include "services/node/drain.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>

enum { CANCEL_AND_REPORT_MS = 15000, HURRIED_MS = 10000 };

struct drain {
    struct ipc_client *leased;
    int64_t grace_ms;
    struct loop_timer bound;
    struct ipc_call *call;
    drain_done_function *on_done;
    void *context;
    bool hurried;
    bool ended;
};

static void wait_for_end(struct drain *drain);

static void finish(struct drain *drain)
{
    loop_timer_stop(&drain->bound);
    ipc_cancel(drain->call);
    drain->call = NULL;
    drain->ended = true;
    drain->on_done(drain->context);
}

static void on_bound(void *context)
{
    log_warn("the drain has reached its bound: stopping with leases held");
    finish(context);
}

static void on_state(void *context, const void *answer, const struct error *failure)
{
    struct drain *drain = context;
    const struct message_drain_state *state = answer;
    drain->call = NULL;
    if (failure) {
        log_warn("leased does not answer the drain: %s", failure->text);
        finish(drain);
    } else if (state->drained) {
        log_info("drained");
        finish(drain);
    } else {
        wait_for_end(drain);
    }
}

static void wait_for_end(struct drain *drain)
{
    const struct message_drain_wait request = {0};
    drain->call = call_drain_wait(drain->leased, &request, on_state, drain);
}

static void on_started(void *context, const void *answer, const struct error *failure)
{
    struct drain *drain = context;
    (void)answer;
    drain->call = NULL;
    if (failure) {
        log_warn("leased does not take the drain: %s", failure->text);
        finish(drain);
    } else {
        wait_for_end(drain);
    }
}

static void send_start(struct drain *drain)
{
    const struct message_drain_start request = {.hurry = drain->hurried};
    ipc_cancel(drain->call);
    drain->call = call_drain_start(drain->leased, &request, on_started, drain);
}

void drain_start(struct drain *drain)
{
    loop_timer_start(&drain->bound, drain->grace_ms + CANCEL_AND_REPORT_MS);
    send_start(drain);
}

void drain_hurry(struct drain *drain)
{
    if (drain->hurried || drain->ended)
        return;
    drain->hurried = true;
    log_info("a second signal: running jobs are cancelled now");
    loop_timer_start(&drain->bound, HURRIED_MS);
    send_start(drain);
}

struct drain *drain_create(struct loop *loop, struct ipc *ipc, int64_t grace_secs,
                           drain_done_function *on_done, void *context, struct error *error)
{
    struct ipc_client *leased = ipc_client_create(ipc, ROLE_leased_control, error);
    if (!leased)
        return NULL;
    struct drain *drain = memory_allocate(sizeof *drain);
    *drain = (struct drain){
        .leased = leased, .grace_ms = grace_secs * 1000, .on_done = on_done, .context = context};
    loop_timer_init(&drain->bound, loop, on_bound, drain);
    return drain;
}

void drain_free(struct drain *drain)
{
    if (!drain)
        return;
    ipc_cancel(drain->call);
    loop_timer_stop(&drain->bound);
    free(drain);
}
