/*
 * When to try again (docs/network.md, "Retries"): exponential backoff with full jitter and Retry-After,
 * within a number of attempts and a deadline. Pure: the caller has the clock and the timer.
 */
#ifndef LIBCOMMON_BASE_RETRY_H
#define LIBCOMMON_BASE_RETRY_H

#include "libcommon/base/error.h"
#include "libcommon/base/random.h"

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int64_t base_ms;     /* the first wait is uniform in [0, base_ms], the next in [0, 2 base_ms], ... */
    int64_t cap_ms;      /* of one wait */
    int attempts_max;    /* the first try included; 0: no bound */
    int64_t duration_ms; /* from the first try to the start of the last; 0: no bound */
};

struct retry {
    const struct retry_policy *policy;
    int attempts;
    int64_t started_ms;
};

void retry_start(struct retry *retry, const struct retry_policy *policy, int64_t now_ms);

/*
 * The longest wait after so many failures in a row (above 0): base_ms doubled for each after the first, up to
 * cap_ms. For who counts failures and draws the wait itself.
 */
int64_t retry_ceiling_ms(const struct retry_policy *policy, int64_t failures);

/*
 * After a failed attempt: how long to wait before the next one, or -1 when there is to be none. A wait is
 * never shorter than `retry_after_ms` (-1: not given).
 */
int64_t retry_next_ms(struct retry *retry, int64_t now_ms, int64_t retry_after_ms, struct random *random);

/* 408, 425, 429 and 5xx. */
bool retry_status_is_transient(int status);

/* Network errors, timeouts and the statuses above. */
bool retry_error_is_transient(const struct error *error);

#endif
