/* A job's program under its shim: started, read from, stopped, and waited for until nothing of it is left. */
#ifndef RUNNERD_WORK_JOB_PROCESS_H
#define RUNNERD_WORK_JOB_PROCESS_H

#include "libcommon/loop/loop.h"
#include "services/runnerd/shim/job_shim.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct job_process;

/* The shims of all jobs of this host, so that what has lost its shim can be told from what has not. */
struct job_process_table {
    LIST_HEAD(job_process_list, job_process) processes;
    int shim_fd; /* of job_process_open_shim() */
};

/*
 * Opens the program of the shim, which lies beside this one; -1 with the reason in `error`. Before the
 * service gives up root: the folder may be closed to the uid that it gets.
 */
int job_process_open_shim(struct error *error);

struct job_process_options {
    struct loop *loop;
    struct job_process_table *table;
    char *const *command;
    char **variables; /* as the shim takes them (job_shim.h), NULL-terminated */
    int folder_fd;    /* becomes the current folder */
    /* A line of stdout or stderr, or a piece of one: line_function. */
    void (*on_line)(void *context, bool is_stderr, const char *text, size_t length, size_t piece);
    /* Once, in a later turn: nothing of the job is alive, all its output was given and the streams are
     * closed, whoever else holds their other ends. NULL when somebody killed the shim. */
    void (*on_gone)(void *context, const struct job_shim_outcome *outcome);
    void *context;
};

/* NULL when not even the shim could be started. Options are copied; `loop` and `table` outlive the process,
 * the rest that they point at is used at once only. */
struct job_process *job_process_start(const struct job_process_options *options, struct error *error);

/* SIGTERM to all of the job, SIGKILL after `grace_ms`. Again: perhaps there is less time now. */
void job_process_stop(struct job_process *process, int grace_ms);

/* Whether output is read: at first it is. The job waits as soon as the pipe is full. One that prints without
 * end is read at a pace (16 MiB/s) at which reading costs little. */
void job_process_read(struct job_process *process, bool wanted);

/* Of a job that still runs: the shim ends it when this process has gone. */
void job_process_free(struct job_process *process);

#endif
