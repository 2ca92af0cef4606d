/*
 * When stored ends a session by itself: an hour after its lease's end, as nobody is left then who would close
 * it. Pure: times are CLOCK_BOOTTIME and passed in.
 */
#ifndef STORED_SESSION_LEASE_EXPIRY_H
#define STORED_SESSION_LEASE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

enum { LEASE_EXPIRY_GRACE_MS = 60 * 60 * 1000 };

/* All zero is a lease without an end. */
struct lease_expiry {
    int64_t counts_from_ms; /* the lease's end as far as it is known; 0: it has none */
};

/* leased said when the lease ends; 0: nothing new. */
void lease_expiry_told(struct lease_expiry *expiry, int64_t ends_ms);

/* After a restart: heartbeats may have moved the end meanwhile, so one that there was counts from now. */
void lease_expiry_restored(struct lease_expiry *expiry, bool had_end, int64_t now_ms);

/* When the session ends by itself; INT64_MAX: never. */
int64_t lease_expiry_due_ms(const struct lease_expiry *expiry);

#endif
