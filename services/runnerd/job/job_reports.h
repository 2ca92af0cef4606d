/*
 * What a job has to tell leased, in order and one message at a time: events, the latest progress, and at last
 * its end. A message that leased has no room for, or that nobody answers, is sent again with its number.
 */
#ifndef RUNNERD_JOB_JOB_REPORTS_H
#define RUNNERD_JOB_JOB_REPORTS_H

#include "libcommon/base/log.h"
#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stddef.h>

struct job_reports;

struct job_reports_options {
    struct loop *loop;
    struct ipc_client *leased;
    const struct secret *task_key; /* borrowed; so is the next */
    const struct log_task *log;
    void (*on_room)(void *context);     /* it was full and is not any more */
    void (*on_finished)(void *context); /* leased took the end, or knows nothing of the task */
    void *context;
};

struct job_reports *job_reports_create(const struct job_reports_options *options);
void job_reports_free(struct job_reports *reports);

/* JSON texts. One above its limit is logged and dropped. Progress replaces progress that still waits. */
void job_reports_progress(struct job_reports *reports, const char *json, size_t length);
void job_reports_event(struct job_reports *reports, const char *json, size_t length);

/* Events wait: whoever makes them is to pause until on_room. */
bool job_reports_is_full(const struct job_reports *reports);

/* Drops what waits: nobody wants to know it any more. */
void job_reports_drop(struct job_reports *reports);

/* To be sent after all that waits. `reason` is for a failure. Once. */
void job_reports_finish(struct job_reports *reports, bool succeeded, const char *reason);

#endif
