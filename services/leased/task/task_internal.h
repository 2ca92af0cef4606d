/* Shared by task.c, task_heartbeat.c, task_storage.c and task_report.c only. */
#ifndef LEASED_TASK_TASK_INTERNAL_H
#define LEASED_TASK_TASK_INTERNAL_H

#include "libcommon/base/log.h"
#include "libcommon/base/retry.h"
#include "libcommon/node/messages.h"
#include "services/leased/dms/lease_clock.h"
#include "services/leased/task/heartbeat.h"
#include "services/leased/task/outgoing.h"
#include "services/leased/task/task.h"
#include "services/leased/task/task_life.h"

enum { TASK_KEY_BYTES = 33 };

struct task {
    struct leased *leased;
    struct task *next;
    struct secret key; /* 32 hex digits */
    char *local_id;    /* the task id as it stood after the first heartbeat: names workspace and artifacts */
    struct log_task log; /* borrows from lease and local_id */

    struct lease lease;
    struct lease_clock clock;
    struct task_life life;
    int64_t created_boot_ms;

    struct heartbeat heartbeat;
    struct outgoing outgoing;
    struct loop_timer heartbeat_timer;
    struct loop_timer fence_timer;
    struct dms_call *heartbeat_call;
    char heartbeat_failure[DMS_TEXT_BYTES]; /* of the last one that failed */
    int64_t flush_since_ms;
    int flush_refusals;

    bool session_opened; /* stored was asked to make one, so it has to be closed */
    bool session_ready;  /* stored has said so: it can be updated */
    char *workspace;
    struct message_artifacts artifacts;
    struct ipc_call *storage_call; /* open, artifacts or close: one at a time */
    struct ipc_call *update_call;
    bool update_owed; /* stored does not have the newest token and end */
    int collect_attempts;
    struct ipc_call *cancel_call;

    struct runner_host *host; /* that has the job; NULL: none */
    char *slot_capability;    /* whose slot it takes there; the lease's may be renamed meanwhile */
    struct loop_timer stop_timer;
    char *reason;            /* of a failure */
    const char *setup_stage; /* of a failure in the set-up */

    struct dms_call *report_call;
    struct loop_timer report_timer;
    struct retry report_retry;
    bool report_may_have_arrived;
};

/* Hands an event to the state machine and acts on the new state. The task may be gone afterwards. */
void task_event(struct task *task, enum task_event event);

/* Points the log fields at the lease's texts, which heartbeats replace. */
void task_borrow_log_fields(struct task *task);

/* Keeps the first reason given. */
void task_set_reason(struct task *task, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- task_heartbeat.c --- */
void task_heartbeat_init(struct task *task);
void task_heartbeat_schedule(struct task *task);
void task_heartbeat_stop(struct task *task);
/* Sends what is left to tell; TASK_EVENT_FLUSHED when DMS has it all. */
void task_heartbeat_flush(struct task *task);

/* --- task_storage.c --- */
void task_storage_open(struct task *task);
/* Tells stored the newest token and end of the lease. */
void task_storage_update(struct task *task);
void task_storage_cancel(struct task *task);
void task_storage_collect(struct task *task);
void task_storage_close(struct task *task);
void task_storage_stop(struct task *task);

/* --- task_report.c --- */
void task_report_init(struct task *task);
void task_report_send(struct task *task);
void task_report_stop(struct task *task);

#endif
