#include "services/stored/domain/domain_retry.h"

static const struct retry_policy storage_policy = {
    .base_ms = 500, .cap_ms = 30000, .attempts_max = 8, .duration_ms = (int64_t)5 * 60 * 1000};
static const struct retry_policy best_effort_policy = {
    .base_ms = 200, .cap_ms = 1000, .attempts_max = 3, .duration_ms = (int64_t)10 * 1000};

void domain_retry_start(struct domain_retry *retry, bool best_effort, int64_t now_ms)
{
    *retry = (struct domain_retry){.refused_token = -1};
    retry_start(&retry->retry, best_effort ? &best_effort_policy : &storage_policy, now_ms);
}

static const struct domain_retry_step give_up = {DOMAIN_RETRY_GIVE_UP, 0};

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

struct domain_retry_step domain_retry_after_wait(const struct domain_retry *retry, int64_t now_ms,
                                                 int64_t lease_ends_ms)
{
    int64_t until_ms = lease_ends_ms ? earlier(retry->due_ms, lease_ends_ms) : retry->due_ms;
    if (lease_ends_ms && now_ms >= lease_ends_ms)
        return give_up;
    if (now_ms >= retry->due_ms)
        return (struct domain_retry_step){DOMAIN_RETRY_NOW, 0};
    return (struct domain_retry_step){DOMAIN_RETRY_LATER, until_ms - now_ms};
}

struct domain_retry_step domain_retry_after_failure(struct domain_retry *retry, int64_t now_ms,
                                                    int64_t retry_after_ms, int64_t lease_ends_ms,
                                                    struct random *random)
{
    int64_t wait_ms = retry_next_ms(&retry->retry, now_ms, retry_after_ms, random);
    if (wait_ms < 0)
        return give_up;
    retry->due_ms = now_ms + wait_ms;
    struct domain_retry_step step = domain_retry_after_wait(retry, now_ms, lease_ends_ms);
    /* Not from within the end of the attempt that failed. */
    if (step.action == DOMAIN_RETRY_NOW)
        step.action = DOMAIN_RETRY_LATER;
    return step;
}

static struct domain_retry_step await_token(const struct domain_retry *retry, int64_t now_ms)
{
    if (now_ms >= retry->token_wait_ends_ms)
        return give_up;
    return (struct domain_retry_step){DOMAIN_RETRY_AWAIT_TOKEN, retry->token_wait_ends_ms - now_ms};
}

struct domain_retry_step domain_retry_after_refusal(struct domain_retry *retry, int64_t now_ms, int64_t used,
                                                    int64_t current, int64_t lease_ends_ms)
{
    bool known = used == retry->refused_token;
    retry->token_tries = known ? retry->token_tries + 1 : 1;
    retry->refused_token = used;
    retry->refused_ms = now_ms;
    if (++retry->refusals >= DOMAIN_RETRY_REFUSALS_MAX)
        return give_up;
    if (current != used)
        return (struct domain_retry_step){DOMAIN_RETRY_NOW, 0};
    /* The second refusal of one token does not prolong the wait that the first began. */
    if (!known || !retry->token_wait_ends_ms) {
        retry->token_wait_ends_ms = now_ms + DOMAIN_RETRY_TOKEN_WAIT_MS;
        if (lease_ends_ms)
            retry->token_wait_ends_ms = earlier(retry->token_wait_ends_ms, lease_ends_ms);
    }
    return await_token(retry, now_ms);
}

struct domain_retry_step domain_retry_on_heartbeat(struct domain_retry *retry, int64_t now_ms,
                                                   int64_t current, int64_t heartbeat_ms)
{
    if (current != retry->refused_token)
        return (struct domain_retry_step){DOMAIN_RETRY_NOW, 0};
    if (heartbeat_ms >= retry->refused_ms)
        return give_up;
    if (retry->token_tries < 2)
        return (struct domain_retry_step){DOMAIN_RETRY_NOW, 0};
    return await_token(retry, now_ms);
}
