/* DMS: leases, heartbeats, reports (docs/network.md 3) and jobs (3.6). */
#ifndef DEVNET_DMS_H
#define DEVNET_DMS_H

#include <jansson.h>

#include "tests/devnet/devnet.h"

struct exchange;

void dms_lease(struct exchange *exchange);
void dms_heartbeat(struct exchange *exchange);
void dms_complete(struct exchange *exchange);
void dms_fail(struct exchange *exchange);
void dms_create_job(struct exchange *exchange);
void dms_list_jobs(struct exchange *exchange);
void dms_show_job(struct exchange *exchange);
void dms_cancel_job(struct exchange *exchange);

/* The task of the request's path as a row, for the node that asks; NULL when the request was refused. */
json_t *dms_find_task(struct exchange *exchange, const json_t *node);

/* The task id that names its artifacts: that after the first heartbeat, or what it is if none had to come. */
const char *dms_artifact_suffix(const json_t *task);

/* True while the lease that `task` shows is this node's and its time has not run out. */
bool dms_lease_is_live(const json_t *task, const json_t *node);

/*
 * Ends the job when all of its tasks have ended: failed when one failed, else cancelled when one was
 * cancelled, else completed. What can never start any more is cancelled before.
 */
void dms_settle_job(struct devnet *devnet, const char *job_id);

/* The edges of a job's body (an array of pairs or of {from, to}, naming labels, or stages of this job).
 * Judges them; false: declined. */
bool dms_check_edges(struct exchange *exchange);

/* Stores them, when the job's tasks are stored. */
void dms_insert_edges(struct devnet *devnet, const char *job_id, const char *body);

/* A task has ended: what waits for it may start, and the job may have ended too. */
void dms_task_ended(struct devnet *devnet, const char *task_id);

/* Puts a task whose attempt failed back into the queue, or fails it for good. */
void dms_requeue(struct devnet *devnet, const char *task_id, const char *reason, const char *details);

/* Requeues the tasks whose leases have run out. */
void dms_expire_leases(struct devnet *devnet);

#endif
