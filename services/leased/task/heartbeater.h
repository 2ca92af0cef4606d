/*
 * Keeps a lease alive (docs/network.md 3.3): sends heartbeats when heartbeat.h says so, with the updates that
 * are pending, takes what the answers bring, and says when the lease is lost. The last heartbeat, the flush,
 * carries what is left to tell.
 */
#ifndef LEASED_TASK_HEARTBEATER_H
#define LEASED_TASK_HEARTBEATER_H

#include "services/leased/task/pending_updates.h"
#include "services/leased/task/task_driver.h"

struct heartbeater;

/* DMS took a heartbeat, and the lease has what the answer changed; before any event. */
typedef void heartbeater_answer_function(void *context, const struct lease_changes *changes);

/*
 * Events: HEARTBEAT_ACCEPTED and HEARTBEAT_GIVEN_UP (of the first one), CANCELLED, LOST (refused, or its time
 * is over), FLUSHED (all is told, or DMS does not take the rest).
 */
struct heartbeater *heartbeater_create(const struct task_driver *driver,
                                       heartbeater_answer_function *on_answered);
void heartbeater_free(struct heartbeater *heartbeater);

/* Begins with the first heartbeat. The times are those of the lease's answer: the server's clock then, and
 * the boot clock when its request was sent. */
void heartbeater_begin(struct heartbeater *heartbeater, int64_t server_unix_ms, int64_t sent_boot_ms);

/* For good, and without a word to anybody. */
void heartbeater_stop(struct heartbeater *heartbeater);

/* Progress or an event with the runner's sequence number: `take` says which. */
bool heartbeater_update(struct heartbeater *heartbeater, pending_updates_function *take, int64_t sequence,
                        const char *text, struct error *error);

/* Whether an update of that number was taken before. */
bool heartbeater_knows(const struct heartbeater *heartbeater, int64_t sequence);

/* A new domain token is wanted at once. */
void heartbeater_hurry(struct heartbeater *heartbeater);

/* Tells what is left to tell, and then no more than that. */
void heartbeater_flush(struct heartbeater *heartbeater);

/*
 * Keeps the lease while a report is on its way (docs/network.md 3.2, 6): DMS would lease finished work again.
 * Events that DMS has not taken are given up. Without a lease that was ever held this is a stop.
 */
void heartbeater_hold(struct heartbeater *heartbeater);

/* When the last heartbeat that was answered had been sent, on the boot clock; 0: none was. */
int64_t heartbeater_answered_boot_ms(const struct heartbeater *heartbeater);

/* The end of the lease on the boot clock, less a margin; 0: none known. */
int64_t heartbeater_fence_boot_ms(const struct heartbeater *heartbeater);

/* Of a job that must be gone before its lost lease ends; 0: the lease is not lost, the usual grace will do.
 */
int64_t heartbeater_grace_ms(const struct heartbeater *heartbeater);

#endif
