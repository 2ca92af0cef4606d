/*
 * The work of a job, whatever it is: a table of functions for each kind. It begins when the inputs are there
 * and ends with on_done, before the outputs are stored.
 */
#ifndef RUNNERD_WORK_WORK_H
#define RUNNERD_WORK_WORK_H

#include "libcommon/base/log.h"
#include "libcommon/loop/loop.h"
#include "libcommon/node/messages.h"
#include "services/runnerd/host/job_updates.h"
#include "services/runnerd/host/runner.h"
#include "services/runnerd/work/job_process.h"

/* All that is pointed at outlives the work. */
struct work_options {
    struct loop *loop;
    const struct message_host_command *command; /* of the start */
    const struct message_input *inputs;         /* as many as the command names */
    const struct runner *runner;
    int workspace_fd;
    struct job_updates *updates;
    const struct log_task *log;
    struct job_process_table *processes;
    int64_t noop_sleep_secs;

    /* Before on_done(): the runner's program could not be started; `code` as of errno. */
    void (*on_start_fault)(void *context, int code, const char *reason);

    /* Once, also when it was stopped: nothing of it runs any more. `reason` is for a failure, and may be NULL
     * after a stop. Not from start(). */
    void (*on_done)(void *context, bool succeeded, const char *reason);
    void *context;
};

/* Begins what each kind keeps of its work. */
struct work {
    const struct work_kind *kind;
    struct work_options options; /* a copy */
};

struct work_kind {
    const char *last_progress; /* JSON, told when the outputs are stored; NULL: none */

    /* NULL when it cannot begin. */
    struct work *(*start)(const struct work_options *options, struct error *error);

    /* Ends it, in `grace_ms` at most. Again: perhaps there is less time now. */
    void (*stop)(struct work *work, int grace_ms);

    /* The updates have room again: work that found them full may go on. NULL: it tells little and never
     * waits. */
    void (*resume)(struct work *work);

    /* Without a word to anybody. */
    void (*free)(struct work *work);
};

/* The program of the runner file runs, and what it prints is passed on. */
extern const struct work_kind work_exec;

/* No program: sleeps and leaves the files of docs/network.md 5. */
extern const struct work_kind work_noop;

#endif
