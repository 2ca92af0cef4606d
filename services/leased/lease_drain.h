/*
 * A drain: no new lease, running jobs get their grace, then are cancelled; and it lasts no longer than its
 * bound, DMS reachable or not. Whoever waits for its end is told.
 */
#ifndef LEASED_LEASE_DRAIN_H
#define LEASED_LEASE_DRAIN_H

#include "libcommon/ipc/ipc_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease_drain;

struct lease_drain_events {
    void (*begun)(void *context);
    void (*grace_over)(void *context);
    void (*bound_reached)(void *context); /* what is still waited for is given up */
    bool (*is_drained)(void *context);
    size_t (*count_leases)(void *context);
    void *context;
};

struct lease_drain *lease_drain_create(struct loop *loop, int64_t grace_ms,
                                       const struct lease_drain_events *events);
void lease_drain_free(struct lease_drain *drain);

bool lease_drain_has_begun(const struct lease_drain *drain);

/* A repeat changes nothing, but that the first one with `hurry` ends the grace. */
void lease_drain_begin(struct lease_drain *drain, bool hurry);

/* Answers `request` with message_drain_state: when all is drained, or after a while. */
void lease_drain_wait(struct lease_drain *drain, struct ipc_request *request);

/* A task has ended, or a second has passed: perhaps all is drained now. */
void lease_drain_look(struct lease_drain *drain);

#endif
