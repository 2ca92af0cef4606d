/*
 * Keeps a lease alive (docs/network.md 3.3): sends heartbeats when heartbeat.h says so, with the updates that
 * are pending, takes what the answers bring, and says when the lease is lost. The last heartbeat, the flush,
 * carries what is left to tell.
 */
#ifndef LEASED_TASK_HEARTBEATER_H
#define LEASED_TASK_HEARTBEATER_H

#include "libcommon/base/log.h"
#include "services/leased/dms/dms_client.h"
#include "services/leased/dms/lease.h"
#include "services/leased/task/heartbeat.h"
#include "services/leased/task/task_life.h"

struct heartbeater;

struct heartbeater_options {
    struct loop *loop;
    struct random *random;
    struct dms_client *dms;
    struct heartbeat_rules rules;
    struct lease *lease;        /* borrowed; answers are merged into it */
    const struct log_task *log; /* borrowed */
    /* DMS took a heartbeat and `lease` has what the answer changed; before any event. */
    void (*on_answered)(void *context, const struct lease_changes *changes);
    /*
     * HEARTBEAT_ACCEPTED and HEARTBEAT_GIVEN_UP (of the first one), CANCELLED, LOST (refused, or its time is
     * over), FLUSHED (all is told, or DMS does not take the rest). It may be stopped then, but not freed.
     */
    task_event_function *on_event;
    void *context;
};

struct heartbeater *heartbeater_create(const struct heartbeater_options *options);
void heartbeater_free(struct heartbeater *heartbeater);

/* Begins with the first heartbeat. The times are those of the lease's answer: the server's clock then, and
 * the boot clock when its request was sent. */
void heartbeater_begin(struct heartbeater *heartbeater, int64_t server_unix_ms, int64_t sent_boot_ms);

/* For good, and without a word to anybody. */
void heartbeater_stop(struct heartbeater *heartbeater);

/* Progress and events with the runner's sequence number, as of pending_updates.h. */
bool heartbeater_set_progress(struct heartbeater *heartbeater, int64_t sequence, const char *progress,
                              struct error *error);
bool heartbeater_add_event(struct heartbeater *heartbeater, int64_t sequence, const char *event,
                           struct error *error);

/* Whether an update of that number was taken before. */
bool heartbeater_knows(const struct heartbeater *heartbeater, int64_t sequence);

/* A new domain token is wanted at once. */
void heartbeater_hurry(struct heartbeater *heartbeater);

/* Tells what is left to tell, and then no more than that. */
void heartbeater_flush(struct heartbeater *heartbeater);

/* The end of the lease on the boot clock, less a margin; 0: none known. */
int64_t heartbeater_fence_boot_ms(const struct heartbeater *heartbeater);

#endif
