/*
 * What a job has to tell leased, in order and one message at a time: events, the latest progress, and at last
 * its end. A message that leased has no room for, or that nobody answers, is sent again with its number.
 */
#ifndef RUNNERD_HOST_JOB_UPDATES_H
#define RUNNERD_HOST_JOB_UPDATES_H

#include "libcommon/base/log.h"
#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_updates;

struct job_updates_options {
    struct loop *loop;
    struct ipc_client *leased;
    const struct secret *task_key; /* borrowed; so is the next */
    const struct log_task *log;
    void (*on_room)(void *context);     /* it was full and is not any more */
    void (*on_finished)(void *context); /* leased took the end, or knows nothing of the task */
    void *context;
};

struct job_updates *job_updates_create(const struct job_updates_options *options);
void job_updates_free(struct job_updates *updates);

/* JSON texts. One above its limit is logged and dropped. Progress replaces progress that still waits. */
void job_updates_progress(struct job_updates *updates, const char *json, size_t length);
void job_updates_event(struct job_updates *updates, const char *json, size_t length);

/* Events wait: whoever makes them is to pause until on_room. */
bool job_updates_is_full(const struct job_updates *updates);

/* Drops what waits: nobody wants to know it any more. */
void job_updates_drop(struct job_updates *updates);

/* To be sent after all that waits. `reason` is for a failure, `ran_ms` as of task_finish. Once. */
void job_updates_finish(struct job_updates *updates, bool succeeded, const char *reason, int64_t ran_ms);

#endif
