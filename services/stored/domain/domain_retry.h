/*
 * When a storage request is tried again (docs/network.md, "Retries", and 4): transient failures with backoff,
 * a 401 with another token. Pure: the caller has the clock, the timer and the tokens.
 */
#ifndef STORED_DOMAIN_DOMAIN_RETRY_H
#define STORED_DOMAIN_DOMAIN_RETRY_H

#include "libcommon/base/random.h"
#include "libcommon/base/retry.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DOMAIN_RETRY_TOKEN_WAIT_MS = 30000, /* for a heartbeat to bring another token */
    DOMAIN_RETRY_REFUSALS_MAX = 8       /* tokens refused one after the other */
};

struct domain_retry {
    struct retry retry;
    int64_t refused_token; /* number of the token that was answered 401 last */
    int token_tries;       /* how often that one was refused */
    int refusals;
    int64_t token_wait_ends_ms; /* 0: not waiting */
};

enum domain_retry_action {
    DOMAIN_RETRY_NOW,
    DOMAIN_RETRY_LATER,
    DOMAIN_RETRY_AWAIT_TOKEN,
    DOMAIN_RETRY_GIVE_UP
};

struct domain_retry_step {
    enum domain_retry_action action;
    int64_t wait_ms; /* LATER: until the next try; AWAIT_TOKEN: until giving up */
};

/* `best_effort`: three tries at most. */
void domain_retry_start(struct domain_retry *retry, bool best_effort, int64_t now_ms);

/* After a transient failure. `lease_ends_ms` 0: not known. */
struct domain_retry_step domain_retry_after_failure(struct domain_retry *retry, int64_t now_ms,
                                                    int64_t retry_after_ms, int64_t lease_ends_ms,
                                                    struct random *random);

/* After a 401 for a request that carried token number `used` while the session now has number `current`. */
struct domain_retry_step domain_retry_after_refusal(struct domain_retry *retry, int64_t now_ms, int64_t used,
                                                    int64_t current, int64_t lease_ends_ms);

/*
 * A heartbeat brought the token numbered `current` while the request waits: another one is tried, the same
 * one once more but not a third time.
 */
struct domain_retry_step domain_retry_on_token(struct domain_retry *retry, int64_t now_ms, int64_t current);

#endif
