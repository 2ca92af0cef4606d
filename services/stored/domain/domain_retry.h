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
    int64_t due_ms;        /* of the next try after a transient failure */
    int64_t refused_token; /* number of the token that was answered 401 last */
    int64_t refused_ms;    /* when */
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

/*
 * After a transient failure. `lease_ends_ms` is the end as it stands, 0: not known; a wait that would pass it
 * ends there, as heartbeats may have moved it by then.
 */
struct domain_retry_step domain_retry_after_failure(struct domain_retry *retry, int64_t now_ms,
                                                    int64_t retry_after_ms, int64_t lease_ends_ms,
                                                    struct random *random);

/* The wait is over: the try, the rest of the wait, or the end with the lease. */
struct domain_retry_step domain_retry_after_wait(const struct domain_retry *retry, int64_t now_ms,
                                                 int64_t lease_ends_ms);

/* After a 401 for a request that carried token number `used` while the session now has number `current`. */
struct domain_retry_step domain_retry_after_refusal(struct domain_retry *retry, int64_t now_ms, int64_t used,
                                                    int64_t current, int64_t lease_ends_ms);

/*
 * A heartbeat that was sent at `heartbeat_ms` was answered while the request waits, and the token is number
 * `current`: another one is tried, the same one once more, unless that heartbeat began after the refusal.
 */
struct domain_retry_step domain_retry_on_heartbeat(struct domain_retry *retry, int64_t now_ms,
                                                   int64_t current, int64_t heartbeat_ms);

#endif
