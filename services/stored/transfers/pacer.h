/*
 * Holds the requests of transfers up so that all together keep below TRANSFER_MAX_BYTES_PER_SEC, and each
 * transfer gets the same, whatever number of requests it has (rate_cap.h decides).
 */
#ifndef STORED_TRANSFERS_PACER_H
#define STORED_TRANSFERS_PACER_H

#include "libcommon/loop/loop.h"
#include "services/stored/transfers/rate_cap.h"

#include <stddef.h>

struct pacer {
    struct rate_cap cap;
    struct loop_timer timer;
};

/* A request that may have to wait. */
struct paced_request {
    void (*resume)(void *context); /* its turn has come: it asks again */
    void *context;
    bool waiting;
    TAILQ_ENTRY(paced_request) link;
};

/* What a transfer's requests have together. */
struct pacer_share {
    struct rate_share share; /* first: it is found by it */
    struct pacer *pacer;
    TAILQ_HEAD(paced_requests, paced_request) waiting;
};

/* `bytes_per_sec` 0: holds nothing up. */
void pacer_init(struct pacer *pacer, struct loop *loop, int64_t bytes_per_sec);
void pacer_share_init(struct pacer_share *share, struct pacer *pacer);

/* Its requests have left. */
void pacer_share_clear(struct pacer_share *share);

/* Whether there is a cap at all. */
bool pacer_caps(const struct pacer_share *share);

/* Whether so many bytes of the request may pass now; false: it is resumed later. */
bool pacer_pass(struct pacer_share *share, struct paced_request *request, size_t bytes);

/* It is over, or begins anew. */
void pacer_leave(struct pacer_share *share, struct paced_request *request);

#endif
