/*
 * When a lease ends, on this machine's boot clock (design: "the node fences itself"): the time when the
 * request was sent plus what the lease has left by the server's own clock, less a margin. A wall clock that
 * is set changes nothing. Pure.
 */
#ifndef LEASED_DMS_LEASE_CLOCK_H
#define LEASED_DMS_LEASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lease_clock {
    bool known;            /* an expiry was given */
    int64_t ends_boot_ms;  /* the expiry given last; may lie in the past */
    int64_t fence_boot_ms; /* the last end that lay in the future when given, less a margin; 0: none yet */
    int64_t margin_ms; /* of that end: the grace of a job and 1 s, or a third of the lease if that is less */
};

/*
 * Takes an expiry from an answer. `server_unix_ms` is the answer's Date (or the local wall clock),
 * `sent_boot_ms` the boot clock when its request was sent. What is more than ten years away counts as ten.
 */
void lease_clock_set(struct lease_clock *clock, int64_t expires_unix_ms, int64_t server_unix_ms,
                     int64_t sent_boot_ms);

/*
 * Whether the lease has run out: only when an end that once lay in the future has passed
 * (docs/network.md 3.3).
 */
bool lease_clock_ran_out(const struct lease_clock *clock, int64_t now_boot_ms);

/*
 * How long a job that is to be stopped now may take from SIGTERM to SIGKILL, so that it is gone before the
 * lease's end: what the margin leaves it, 1 ms at least.
 */
int64_t lease_clock_grace_ms(const struct lease_clock *clock, int64_t now_boot_ms);

/* What is left until the end given last: 0 when that is now or past, -1 when none is known. */
int64_t lease_clock_left_ms(const struct lease_clock *clock, int64_t now_boot_ms);

#endif
