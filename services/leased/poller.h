/*
 * Asks DMS for work while a slot is free (docs/network.md 3.1): at once after work was done, after a random
 * idle wait when there was none.
 */
#ifndef LEASED_POLLER_H
#define LEASED_POLLER_H

#include "services/leased/leased.h"

#include <stdbool.h>

struct poller;

struct poller *poller_create(struct leased *leased);
void poller_free(struct poller *poller);

/* A slot is free, or a first runner host came: polls now, unless an idle wait runs or there is nothing to
 * poll for. */
void poller_wake(struct poller *poller);

/* A task has ended. One that did no work counts as idle. */
void poller_on_task_ended(struct poller *poller, bool did_work);

/* No new lease. A poll on its way is waited for, for a few seconds: its answer may carry a lease, which is to
 * be failed and not forgotten. */
void poller_on_drain(struct poller *poller);
bool poller_is_polling(const struct poller *poller);

/* For the status: "waiting for work", "leasing", ... */
const char *poller_describe(const struct poller *poller);

#endif
