#include "services/leased/poll_wait.h"

/* MIN = 0 is no reason to hammer DMS. */
enum { POLL_WAIT_MIN_MS = 100 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void poll_wait_init(struct poll_wait *wait, int64_t min_ms, int64_t max_ms, struct random *random)
{
    *wait = (struct poll_wait){.min_ms = min_ms, .max_ms = max_ms, .random = random};
    wait->error_policy = (struct retry_policy){.base_ms = 2 * larger(min_ms, POLL_WAIT_MIN_MS),
                                               .cap_ms = larger(max_ms, POLL_WAIT_MIN_MS)};
    poll_wait_answered(wait);
}

int64_t poll_wait_idle_ms(struct poll_wait *wait)
{
    int64_t longest_ms = smaller(wait->max_ms, 2 * wait->min_ms);
    return larger(random_between(wait->random, wait->min_ms, longest_ms), POLL_WAIT_MIN_MS);
}

int64_t poll_wait_error_ms(struct poll_wait *wait, int64_t now_ms, int64_t retry_after_ms)
{
    int64_t backoff_ms = retry_next_ms(&wait->errors, now_ms, -1, wait->random);
    return larger(larger(wait->min_ms + backoff_ms, retry_after_ms), POLL_WAIT_MIN_MS);
}

void poll_wait_answered(struct poll_wait *wait)
{
    retry_start(&wait->errors, &wait->error_policy, 0);
}
