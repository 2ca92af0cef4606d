/* How long the poller waits before it asks again (docs/network.md 3.1). Pure. */
#ifndef LEASED_POLL_WAIT_H
#define LEASED_POLL_WAIT_H

#include "libcommon/base/random.h"
#include "libcommon/base/retry.h"

struct poll_wait {
    int64_t min_ms; /* POLL_BACKOFF_MS_MIN and _MAX, in order */
    int64_t max_ms;
    struct random *random;
    struct retry_policy error_policy;
    struct retry errors; /* those in a row */
};

/* Borrows `random`; the struct stays where it is. */
void poll_wait_init(struct poll_wait *wait, int64_t min_ms, int64_t max_ms, struct random *random);

/* After an answer without work. A node that waited longer would lose its tasks to others that poll. */
int64_t poll_wait_idle_ms(struct poll_wait *wait);

/* After an error; the waits grow until poll_wait_answered(). `retry_after_ms`: what DMS asks for, -1 nothing.
 */
int64_t poll_wait_error_ms(struct poll_wait *wait, int64_t now_ms, int64_t retry_after_ms);
void poll_wait_answered(struct poll_wait *wait);

#endif
