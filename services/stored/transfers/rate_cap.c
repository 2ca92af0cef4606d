#include "services/stored/transfers/rate_cap.h"

#include <stddef.h>

enum {
    TOKENS_PER_BYTE = 1000,
    REFILL_MAX_MS = 60 * 60 * 1000 /* no debt takes longer; a product stays a number */
};

void rate_cap_init(struct rate_cap *cap, int64_t bytes_per_sec, int64_t now_ms)
{
    *cap = (struct rate_cap){.bytes_per_sec = bytes_per_sec, .at_ms = now_ms};
    TAILQ_INIT(&cap->waiting);
}

/* Bytes in a second are thousandths of a byte in a millisecond. */
static void refill(struct rate_cap *cap, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - cap->at_ms;
    int64_t most = cap->bytes_per_sec * RATE_CAP_BURST_MS;
    if (elapsed_ms <= 0)
        return;
    cap->at_ms = now_ms;
    cap->tokens += cap->bytes_per_sec * (elapsed_ms < REFILL_MAX_MS ? elapsed_ms : REFILL_MAX_MS);
    if (cap->tokens > most)
        cap->tokens = most;
}

static void grant(struct rate_cap *cap, struct rate_share *share)
{
    share->credit_bytes += RATE_CAP_TURN_BYTES;
    cap->tokens -= (int64_t)RATE_CAP_TURN_BYTES * TOKENS_PER_BYTE;
}

void rate_cap_wait(struct rate_cap *cap, struct rate_share *share)
{
    if (!share->waiting)
        TAILQ_INSERT_TAIL(&cap->waiting, share, link);
    share->waiting = true;
}

bool rate_cap_pass(struct rate_cap *cap, struct rate_share *share, int64_t bytes, int64_t now_ms)
{
    if (cap->bytes_per_sec == 0)
        return true;
    refill(cap, now_ms);
    if (share->credit_bytes <= 0) {
        if (!TAILQ_EMPTY(&cap->waiting) || cap->tokens <= 0) {
            rate_cap_wait(cap, share);
            return false;
        }
        grant(cap, share);
    }
    share->credit_bytes -= bytes;
    return true;
}

static void end_wait(struct rate_cap *cap, struct rate_share *share)
{
    if (share->waiting)
        TAILQ_REMOVE(&cap->waiting, share, link);
    share->waiting = false;
}

struct rate_share *rate_cap_next(struct rate_cap *cap, int64_t now_ms)
{
    struct rate_share *share = TAILQ_FIRST(&cap->waiting);
    refill(cap, now_ms);
    if (!share || cap->tokens <= 0)
        return NULL;
    end_wait(cap, share);
    grant(cap, share);
    return share;
}

int64_t rate_cap_wait_ms(struct rate_cap *cap, int64_t now_ms)
{
    refill(cap, now_ms);
    if (TAILQ_EMPTY(&cap->waiting))
        return -1;
    return cap->tokens > 0 ? 0 : -cap->tokens / cap->bytes_per_sec + 1;
}

void rate_cap_leave(struct rate_cap *cap, struct rate_share *share)
{
    end_wait(cap, share);
    cap->tokens += share->credit_bytes * TOKENS_PER_BYTE;
    share->credit_bytes = 0;
}
