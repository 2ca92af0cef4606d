#include "services/stored/transfers/pacer.h"

#include "libcommon/base/clock.h"

static void arm(struct pacer *pacer)
{
    int64_t wait_ms = rate_cap_wait_ms(&pacer->cap, clock_boot_ms());
    if (wait_ms < 0)
        loop_timer_stop(&pacer->timer);
    else
        loop_timer_start(&pacer->timer, wait_ms);
}

/* A request that goes on may end, and its transfer with it: nothing of them is looked at afterwards. */
static void give_turn(struct pacer *pacer, struct rate_share *turn)
{
    struct pacer_share *share = (struct pacer_share *)turn;
    struct paced_request *request = TAILQ_FIRST(&share->waiting);
    if (!request)
        return;
    TAILQ_REMOVE(&share->waiting, request, link);
    request->waiting = false;
    if (!TAILQ_EMPTY(&share->waiting))
        rate_cap_wait(&pacer->cap, turn);
    request->resume(request->context);
}

/* Only those that wait now: one that is resumed may wait again, and other work of the loop has its turn, too.
 */
static void on_turn(void *context)
{
    enum { TURNS_AT_ONCE = 64 };
    struct pacer *pacer = context;
    for (int i = 0; i < TURNS_AT_ONCE; i++) {
        struct rate_share *turn = rate_cap_next(&pacer->cap, clock_boot_ms());
        if (!turn)
            break;
        give_turn(pacer, turn);
    }
    arm(pacer);
}

void pacer_init(struct pacer *pacer, struct loop *loop, int64_t bytes_per_sec)
{
    rate_cap_init(&pacer->cap, bytes_per_sec, clock_boot_ms());
    loop_timer_init(&pacer->timer, loop, on_turn, pacer);
}

void pacer_share_init(struct pacer_share *share, struct pacer *pacer)
{
    *share = (struct pacer_share){.pacer = pacer};
    TAILQ_INIT(&share->waiting);
}

void pacer_share_clear(struct pacer_share *share)
{
    rate_cap_leave(&share->pacer->cap, &share->share);
    arm(share->pacer);
}

bool pacer_caps(const struct pacer_share *share)
{
    return share->pacer->cap.bytes_per_sec > 0;
}

bool pacer_pass(struct pacer_share *share, struct paced_request *request, size_t bytes)
{
    struct pacer *pacer = share->pacer;
    if (rate_cap_pass(&pacer->cap, &share->share, (int64_t)bytes, clock_boot_ms()))
        return true;
    if (!request->waiting)
        TAILQ_INSERT_TAIL(&share->waiting, request, link);
    request->waiting = true;
    if (!loop_timer_running(&pacer->timer))
        arm(pacer);
    return false;
}

void pacer_leave(struct pacer_share *share, struct paced_request *request)
{
    if (request->waiting)
        TAILQ_REMOVE(&share->waiting, request, link);
    request->waiting = false;
}
