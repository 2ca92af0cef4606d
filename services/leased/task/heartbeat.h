/*
 * When the next heartbeat goes (docs/network.md 3.3). Pure: times are the caller's boot clock.
 *
 * Three things make one due: progress or an event (a random window opens, at its end one heartbeat carries
 * the latest), a random fraction of the lease's time, and an urgent reason (a refused domain token, a lease
 * that ends now).
 */
#ifndef LEASED_TASK_HEARTBEAT_H
#define LEASED_TASK_HEARTBEAT_H

#include "libcommon/base/random.h"
#include "libcommon/base/retry.h"
#include "services/leased/dms/lease_clock.h"

#include <stdbool.h>
#include <stdint.h>

struct heartbeat_rules {
    int64_t jitter_ms;
    double min_ratio;
    double max_ratio;
    int64_t request_timeout_ms;
};

struct heartbeat {
    struct heartbeat_rules rules;
    int64_t change_due_ms;  /* -1: nothing to tell */
    int64_t lease_due_ms;   /* -1: no expiry known */
    int64_t urgent_due_ms;  /* -1: no hurry */
    int64_t retry_due_ms;   /* -1: the last one did not fail in a way that is retried */
    int64_t last_sent_ms;   /* a lease that ends now is heartbeated once a second at most */
    int64_t last_urgent_ms; /* the same for one refused token after the other */
    bool in_flight;
    struct retry retry;
};

enum { HEARTBEAT_NEVER = -1 };

void heartbeat_init(struct heartbeat *heartbeat, const struct heartbeat_rules *rules);

/* Progress or an event came. */
void heartbeat_on_change(struct heartbeat *heartbeat, int64_t now_ms, struct random *random);

/* A new domain token is wanted at once. */
void heartbeat_on_urgent(struct heartbeat *heartbeat, int64_t now_ms);

/* An answer brought a new token: whoever wanted one has it. */
void heartbeat_on_token(struct heartbeat *heartbeat);

/* When the next is due; HEARTBEAT_NEVER while one is in flight or nothing asks for one. */
int64_t heartbeat_due_ms(const struct heartbeat *heartbeat);

/* One is sent now. Returns the bound of all of it: REQUEST_TIMEOUT_SECS, or a third of what the lease has
 * left when that is less. */
int64_t heartbeat_on_sent(struct heartbeat *heartbeat, const struct lease_clock *clock, int64_t now_ms);

/* It was answered 2xx, or refused in a way that waits for the normal time. `more`: there are updates it did
 * not carry. */
void heartbeat_on_answered(struct heartbeat *heartbeat, const struct lease_clock *clock, bool more,
                           int64_t now_ms, struct random *random);

/*
 * It failed in a way that is retried while the lease lasts. A Retry-After is kept to, unless that would mean
 * to give the lease up: then half of what is left passes.
 */
void heartbeat_on_failed(struct heartbeat *heartbeat, const struct lease_clock *clock, int64_t retry_after_ms,
                         int64_t now_ms, struct random *random);

#endif
