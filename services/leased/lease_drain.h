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

enum drain_phase {
    DRAIN_BEGUN,
    DRAIN_GRACE_OVER,
    DRAIN_BOUND_REACHED /* what is still waited for is given up */
};

struct lease_drain_events {
    void (*on_phase)(void *context, enum drain_phase phase);
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
