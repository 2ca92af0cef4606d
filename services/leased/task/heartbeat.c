#include "services/leased/task/heartbeat.h"

enum {
    URGENT_SPACING_MS = 1000,
    TIMEOUT_MIN_MS = 100,   /* less than a round trip would be no try at all */
    TIMEOUT_ENDED_MS = 5000 /* a third of nothing: an answer is still worth waiting for */
};

/* The lease's end is the bound, and the caller watches that. */
static const struct retry_policy retry_policy = {
    .base_ms = 500, .cap_ms = 15000, .attempts_max = 0, .duration_ms = 0};

void heartbeat_init(struct heartbeat *heartbeat, const struct heartbeat_rules *rules)
{
    *heartbeat = (struct heartbeat){.rules = *rules,
                                    .change_due_ms = HEARTBEAT_NEVER,
                                    .lease_due_ms = HEARTBEAT_NEVER,
                                    .urgent_due_ms = HEARTBEAT_NEVER,
                                    .retry_due_ms = HEARTBEAT_NEVER,
                                    .last_sent_ms = INT64_MIN / 2,
                                    .last_urgent_ms = INT64_MIN / 2};
}

void heartbeat_on_change(struct heartbeat *heartbeat, int64_t now_ms, struct random *random)
{
    if (heartbeat->change_due_ms != HEARTBEAT_NEVER)
        return;
    int64_t jitter_ms = heartbeat->rules.jitter_ms;
    heartbeat->change_due_ms = now_ms + random_between(random, jitter_ms / 2, jitter_ms);
}

static int64_t later(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

void heartbeat_on_urgent(struct heartbeat *heartbeat, int64_t now_ms)
{
    heartbeat->urgent_due_ms = later(now_ms, heartbeat->last_urgent_ms + URGENT_SPACING_MS);
}

void heartbeat_on_token(struct heartbeat *heartbeat)
{
    heartbeat->urgent_due_ms = HEARTBEAT_NEVER;
}

static int64_t earlier(int64_t left_ms, int64_t right_ms)
{
    if (left_ms == HEARTBEAT_NEVER)
        return right_ms;
    if (right_ms == HEARTBEAT_NEVER)
        return left_ms;
    return left_ms < right_ms ? left_ms : right_ms;
}

int64_t heartbeat_due_ms(const struct heartbeat *heartbeat)
{
    if (heartbeat->in_flight)
        return HEARTBEAT_NEVER;
    /* While DMS fails nothing hurries past the backoff: the retry carries all of it. */
    if (heartbeat->retry_due_ms != HEARTBEAT_NEVER)
        return heartbeat->retry_due_ms;
    return earlier(heartbeat->urgent_due_ms, earlier(heartbeat->change_due_ms, heartbeat->lease_due_ms));
}

int64_t heartbeat_on_sent(struct heartbeat *heartbeat, const struct lease_clock *clock, int64_t now_ms)
{
    if (heartbeat->urgent_due_ms != HEARTBEAT_NEVER && heartbeat->urgent_due_ms <= now_ms)
        heartbeat->last_urgent_ms = now_ms;
    heartbeat->in_flight = true;
    heartbeat->change_due_ms = HEARTBEAT_NEVER;
    heartbeat->lease_due_ms = HEARTBEAT_NEVER;
    heartbeat->urgent_due_ms = HEARTBEAT_NEVER;
    heartbeat->last_sent_ms = now_ms;
    int64_t left_ms = lease_clock_left_ms(clock, now_ms);
    int64_t timeout_ms = heartbeat->rules.request_timeout_ms;
    if (left_ms < 0)
        return timeout_ms;
    int64_t bound_ms = left_ms ? later(left_ms / 3, TIMEOUT_MIN_MS) : TIMEOUT_ENDED_MS;
    return bound_ms < timeout_ms ? bound_ms : timeout_ms;
}

static void schedule_by_lease(struct heartbeat *heartbeat, const struct lease_clock *clock, int64_t now_ms,
                              struct random *random)
{
    int64_t left_ms = lease_clock_left_ms(clock, now_ms);
    if (left_ms < 0)
        return;
    if (left_ms == 0) {
        heartbeat->urgent_due_ms = later(now_ms, heartbeat->last_sent_ms + URGENT_SPACING_MS);
        return;
    }
    double ratio = random_between_ratios(random, heartbeat->rules.min_ratio, heartbeat->rules.max_ratio);
    int64_t wait_ms = (int64_t)((double)left_ms * ratio);
    heartbeat->lease_due_ms = now_ms + (wait_ms > 0 ? wait_ms : 1);
}

void heartbeat_on_answered(struct heartbeat *heartbeat, const struct lease_clock *clock, bool more,
                           int64_t now_ms, struct random *random)
{
    heartbeat->in_flight = false;
    heartbeat->retry_due_ms = HEARTBEAT_NEVER;
    heartbeat->retry.policy = NULL;
    heartbeat->lease_due_ms = HEARTBEAT_NEVER;
    schedule_by_lease(heartbeat, clock, now_ms, random);
    if (more)
        heartbeat_on_change(heartbeat, now_ms, random);
}

void heartbeat_on_failed(struct heartbeat *heartbeat, const struct lease_clock *clock, int64_t retry_after_ms,
                         int64_t now_ms, struct random *random)
{
    heartbeat->in_flight = false;
    if (!heartbeat->retry.policy)
        retry_start(&heartbeat->retry, &retry_policy, now_ms);
    int64_t wait_ms = retry_next_ms(&heartbeat->retry, now_ms, retry_after_ms, random);
    int64_t left_ms = lease_clock_left_ms(clock, now_ms);
    int64_t fence_ms = clock->fence_boot_ms - now_ms;
    /* The last tenth belongs to the round trip, and what is behind the fence to nobody. */
    if (left_ms > 0 && wait_ms > earlier(left_ms - left_ms / 10, fence_ms))
        wait_ms = later(earlier(left_ms / 2, fence_ms), TIMEOUT_MIN_MS);
    heartbeat->retry_due_ms = now_ms + wait_ms;
}
