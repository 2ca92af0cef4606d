#include "libcommon/base/retry.h"

void retry_start(struct retry *retry, const struct retry_policy *policy, int64_t now_ms)
{
    *retry = (struct retry){.policy = policy, .attempts = 0, .started_ms = now_ms};
}

int64_t retry_ceiling_ms(const struct retry_policy *policy, int64_t failures)
{
    int64_t ceiling_ms = policy->base_ms;
    for (int64_t i = 1; i < failures && ceiling_ms < policy->cap_ms; i++)
        ceiling_ms *= 2;
    return ceiling_ms < policy->cap_ms ? ceiling_ms : policy->cap_ms;
}

int64_t retry_next_ms(struct retry *retry, int64_t now_ms, int64_t retry_after_ms, struct random *random)
{
    const struct retry_policy *policy = retry->policy;
    retry->attempts++;
    if (policy->attempts_max && retry->attempts >= policy->attempts_max)
        return -1;
    int64_t wait_ms = random_between(random, 0, retry_ceiling_ms(policy, retry->attempts));
    if (wait_ms < retry_after_ms)
        wait_ms = retry_after_ms;
    /* By subtraction: a server's Retry-After may be as large as the type. */
    if (policy->duration_ms && wait_ms > retry->started_ms + policy->duration_ms - now_ms)
        return -1;
    return wait_ms;
}

bool retry_status_is_transient(int status)
{
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

bool retry_error_is_transient(const struct error *error)
{
    return error->code == ERROR_NETWORK || error->code == ERROR_TIMEOUT ||
           retry_status_is_transient(error->status);
}
