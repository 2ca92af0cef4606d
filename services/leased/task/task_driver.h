/*
 * What works for a task (heartbeater, storage session, host slot, outbox) is given the same things: what all
 * tasks share, what is the task's own, and how to tell it of events. All is borrowed.
 */
#ifndef LEASED_TASK_TASK_DRIVER_H
#define LEASED_TASK_TASK_DRIVER_H

#include "libcommon/base/log.h"
#include "libcommon/ipc/ipc_client.h"
#include "services/leased/dms/dms_client.h"
#include "services/leased/dms/lease.h"
#include "services/leased/hosts/runner_hosts.h"
#include "services/leased/task/heartbeat.h"
#include "services/leased/task/task_life.h"

/* What tasks share; outlives them. */
struct task_surroundings {
    struct loop *loop;
    struct random *random;
    const struct dms_client *dms;
    struct ipc_client *stored;
    struct runner_hosts *hosts;
    const char *owner; /* this start of leased, to stored */
    struct heartbeat_rules heartbeat_rules;
    /* A task has ended: it is to be freed, in a later turn. `did_work` false counts as idle for the poller
     * (docs/network.md 3.1). */
    void (*on_ended)(void *context, bool did_work);
    /* A job ended by itself: nobody cancelled it, and its lease was not lost. `ran_ms` as its host says. */
    void (*on_job_ended)(void *context, const char *capability, bool succeeded, int64_t started_boot_ms,
                         int64_t ran_ms);
    void *context;
};

struct task_driver {
    const struct task_surroundings *around;
    struct secret *key;  /* of the task, in every message about it */
    struct lease *lease; /* as DMS changed it last */
    struct log_task *log;
    const struct task_life *life;
    /* The task may stop its drivers then, but not free them. `reason` is NULL but for failures. */
    void (*on_event)(void *context, enum task_event event, const char *reason);
    void *context;
};

#endif
