/*
 * A cap for the bytes of all transfers together: a token bucket, and whose turn it is when it is empty. Pure:
 * the time is passed in.
 *
 * What passes comes in pieces that nobody can cut to size, so a share may pass as long as it has credit, and
 * the bucket may owe a piece. Shares that wait get their credit in turn, the same each time: none gets more
 * than another, whatever its pieces are.
 */
#ifndef STORED_TRANSFERS_RATE_CAP_H
#define STORED_TRANSFERS_RATE_CAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum {
    RATE_CAP_TURN_BYTES = 16 * 1024, /* a piece, as libcommon/http hands them out, at most */
    RATE_CAP_BURST_MS = 100          /* what an idle time saves up at most */
};

/* One of those that share the rate. All zero is one that has passed nothing. */
struct rate_share {
    int64_t credit_bytes;
    bool waiting;
    TAILQ_ENTRY(rate_share) link;
};

struct rate_cap {
    int64_t bytes_per_sec; /* 0: no cap */
    int64_t tokens;        /* thousandths of a byte; below 0: owed */
    int64_t at_ms;
    TAILQ_HEAD(waiting_shares, rate_share) waiting;
};

/* Begins empty. */
void rate_cap_init(struct rate_cap *cap, int64_t bytes_per_sec, int64_t now_ms);

/* Whether so many bytes may pass. False: the share waits for its turn. */
bool rate_cap_pass(struct rate_cap *cap, struct rate_share *share, int64_t bytes, int64_t now_ms);

/* Has a share wait; one that waits keeps its place. */
void rate_cap_wait(struct rate_cap *cap, struct rate_share *share);

/* Whose turn has come: it has credit, and waits no more. NULL: nobody's. */
struct rate_share *rate_cap_next(struct rate_cap *cap, int64_t now_ms);

/* Until the next turn; -1: nobody waits. */
int64_t rate_cap_wait_ms(struct rate_cap *cap, int64_t now_ms);

/* Waits no more, and gives back what it has not used. */
void rate_cap_leave(struct rate_cap *cap, struct rate_share *share);

#endif
