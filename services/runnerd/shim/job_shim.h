/*
 * The shim: a process of its own above each job, this same program started as `posemesh-runnerd --run-job`.
 *
 * It is the subreaper of all that the job starts, so that a child that leaves the group, daemonises or wipes
 * its environment still has the shim above it; it leaves only when nothing below it is alive. It ends the job
 * when runnerd dies, however that happens.
 *
 * Arguments: --run-job <runnerd's pid> <grace ms> <hurried grace ms> <command> [argument...]
 * Environment: the job's, each name behind JOB_SHIM_VARIABLE_PREFIX, so that the job's LD_LIBRARY_PATH does
 * not decide which libraries the shim loads.
 * SIGTERM: stop the job, SIGKILL after the grace. SIGINT: the same with the hurried one.
 * Descriptor JOB_SHIM_REPORT_FD: takes one struct job_shim_report at the end.
 */
#ifndef RUNNERD_SHIM_JOB_SHIM_H
#define RUNNERD_SHIM_JOB_SHIM_H

#include <stdbool.h>

#define JOB_SHIM_ARGUMENT "--run-job"
#define JOB_SHIM_VARIABLE_PREFIX "J:"

enum { JOB_SHIM_REPORT_FD = 3 };

struct job_shim_report {
    int start_errno; /* not 0: the command could not be started */
    int wait_status; /* as of waitpid() */
};

/* Whether this process was started as a shim. */
bool job_shim_is_wanted(int argc, char **argv);

/* Returns the exit status. */
int job_shim_main(int argc, char **argv);

#endif
