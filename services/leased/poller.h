/*
 * Asks DMS for work while a slot is free (docs/network.md 3.1): at once after work was done, after a random
 * idle wait when there was none.
 */
#ifndef LEASED_POLLER_H
#define LEASED_POLLER_H

#include "libcommon/base/random.h"
#include "services/leased/dms/dms_client.h"
#include "services/leased/dms/lease.h"

#include <stdbool.h>

struct poller;

enum { POLLER_TOKEN_PATIENCE_MS = 1000 };

enum poller_state {
    POLLER_NEW,           /* no poll has ended yet */
    POLLER_ANSWERED,      /* DMS answered the last poll as it should */
    POLLER_WITHOUT_TOKEN, /* authd gave no token for it, or takes longer than its patience */
    POLLER_FAILING        /* DMS was not to be had, or answered something else */
};

struct poller_options {
    struct loop *loop;
    struct random *random;
    const struct dms_client *dms;
    int64_t request_timeout_ms;
    int64_t idle_min_ms;
    int64_t idle_max_ms;
    /* Whether a task could run here now. Fills `capability` with the one to ask for, which lives until the
     * next call, or NULL for any. */
    bool (*may_poll)(void *context, const char **capability);
    /* Takes the lease; the times as of task_create(). False: there is no work in it, an idle wait follows. */
    bool (*take)(void *context, struct lease *lease, int64_t server_unix_ms, int64_t sent_boot_ms);
    /* Takes a lease of which nothing but the task's id could be read, for the reason in `text`. */
    void (*take_unreadable)(void *context, struct lease *lease, const char *text);
    /* How a poll ended is another state than before. */
    void (*on_state)(void *context);
    void *context;
};

struct poller *poller_create(const struct poller_options *options);
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

/* Why a poll failed, dms_reach.h has. */
enum poller_state poller_state(const struct poller *poller);

#endif
