/*
 * What posemesh-runnerd and posemesh-job-shim agree on. The shim is a process of its own above each job.
 *
 * It is the subreaper of all that the job starts, so that a child that leaves the group, daemonises or wipes
 * its environment still has the shim above it; it leaves only when nothing below it is alive. It ends the job
 * when runnerd dies, however that happens.
 *
 * Arguments: <runnerd's pid> <command> [argument...]
 * Environment: the job's, each name behind JOB_SHIM_VARIABLE_PREFIX, so that the job's LD_LIBRARY_PATH and
 * LD_PRELOAD do not decide which libraries the shim loads.
 * SIGTERM: stop the job, SIGKILL after the grace that the signal carries (sigqueue(), ms), or the usual one.
 * SIGINT: the same, and the usual one is the hurried grace. Of several the earliest end counts.
 */
#ifndef RUNNERD_SHIM_JOB_SHIM_H
#define RUNNERD_SHIM_JOB_SHIM_H

#define JOB_SHIM_PROGRAM "posemesh-job-shim"
#define JOB_SHIM_VARIABLE_PREFIX "J:"

#include "services/runnerd/shim/start_fault.h"

#include <stdbool.h>

enum { JOB_SHIM_HURRIED_GRACE_MS = 1000 };

/* Descriptors of the shim behind the job's stdin, stdout and stderr. */
enum {
    JOB_SHIM_OUTCOME_FD = 3, /* takes one struct job_shim_outcome at the end */
    JOB_SHIM_PROGRAM_FD,     /* the shim's own program */
    JOB_SHIM_DESCRIPTORS
};

struct job_shim_outcome {
    bool started;
    int wait_status;                     /* as of waitpid() */
    int start_code;                      /* why it was not: as of errno, and ... */
    char start_fault[START_FAULT_BYTES]; /* ... as of start_fault_describe() */
};

#endif
