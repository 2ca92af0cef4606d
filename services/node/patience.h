/*
 * A start's patience with what another process has and may be about to give up: the services of a
 * posemesh-node that was killed need a moment to end.
 */
#ifndef NODE_PATIENCE_H
#define NODE_PATIENCE_H

#include "libcommon/base/error.h"
#include "libcommon/loop/stop_signals.h"

#include <stdbool.h>

enum { PATIENCE_MS = 5000 };

struct patience {
    const struct stop_signals *signals;
    int left_ms;  /* for the whole start */
    bool said;    /* that it waits */
    bool stopped; /* a signal said that the node is not to start */
};

/* `conflict` is what was found: ERROR_CONFLICT is waited for, anything else is not. Waits a moment and
 * returns whether to try again. */
bool patience_wait(struct patience *patience, const struct error *conflict);

#endif
