/*
 * The life of a job without I/O: what happened goes in, what to do next comes out. Exec and noop jobs differ
 * only in what "work" is.
 *
 *   preparing -> working -> uploading -> finishing -> ended
 *        |          |           |            ^
 *        |      stopping -------+------------+
 *        +-----------------------------------+
 */
#ifndef RUNNERD_JOB_JOB_MACHINE_H
#define RUNNERD_JOB_JOB_MACHINE_H

#include <stdbool.h>

enum job_phase {
    JOB_PHASE_PREPARING, /* inputs are fetched */
    JOB_PHASE_WORKING,
    JOB_PHASE_STOPPING, /* told to end; something of it may still run */
    JOB_PHASE_UPLOADING,
    JOB_PHASE_FINISHING, /* nothing of it runs any more; leased is told */
    JOB_PHASE_ENDED
};

enum job_event {
    JOB_EVENT_PREPARED,
    JOB_EVENT_PREPARE_FAILED,
    JOB_EVENT_WORK_SUCCEEDED,
    JOB_EVENT_WORK_FAILED, /* also: the work that was stopped is gone */
    JOB_EVENT_UPLOADED,
    JOB_EVENT_UPLOAD_FAILED,
    JOB_EVENT_STOP, /* cancel, timeout, or the end of the host */
    JOB_EVENT_FINISHED
};

enum job_action {
    JOB_ACTION_NONE,
    JOB_ACTION_START_WORK,
    JOB_ACTION_STOP_WORK,
    JOB_ACTION_START_UPLOADS,
    JOB_ACTION_FINISH, /* transfers in flight are dropped, what the job made is removed, leased is told */
    JOB_ACTION_END
};

struct job_machine {
    enum job_phase phase;
    bool succeeded;
    bool stopped; /* JOB_EVENT_STOP decided its end */
    char *reason; /* why it failed; NULL as long as it did not */
};

/* `reason` is for the failures and the stop, and may be NULL for the others. The first reason stays. */
enum job_action job_machine_on(struct job_machine *machine, enum job_event event, const char *reason);

void job_machine_clear(struct job_machine *machine);

const char *job_phase_name(enum job_phase phase);

#endif
