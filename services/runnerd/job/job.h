/*
 * A job: one task on this host, from the start command to the answer to its task_finish. The life is
 * job_machine's; here its inputs, its work, its uploads and what leased is told come together.
 */
#ifndef RUNNERD_JOB_JOB_H
#define RUNNERD_JOB_JOB_H

#include "libcommon/ipc/ipc.h"
#include "libcommon/node/messages.h"
#include "services/runnerd/host/runner.h"
#include "services/runnerd/work/job_process.h"

#include <stdbool.h>

struct job;

/* What jobs share; outlives them. */
struct job_host {
    struct loop *loop;
    struct random *random;
    struct ipc_client *leased;
    struct ipc_client *stored;
    struct job_process_table processes;
    int64_t noop_sleep_secs;
    /* The runner's program could not be started; `code` as of errno. */
    void (*on_start_fault)(void *context, const struct runner *runner, int code, const char *reason);
    void (*on_ended)(void *context, struct job *job); /* the last that is heard of it: free it */
    void *context;
};

/*
 * Begins the task of a start command, which is copied; its end comes in a later turn. `runner` is held
 * to the end. With a `refusal` the job does nothing but fail with it, and `runner` may be NULL.
 */
struct job *job_create(struct job_host *host, const struct message_host_command *command,
                       struct runner *runner, const char *refusal);

/*
 * Ends it as failed for `reason`; it has ended with on_ended. The program gets `grace_ms` to leave, or what
 * is left of an earlier grace if that is less.
 */
void job_stop(struct job *job, const char *reason, int grace_ms);

/* Without a word to anybody. */
void job_free(struct job *job);

const struct secret *job_key(const struct job *job);
const char *job_capability(const struct job *job);

/* Whether it takes one of its capability's places: not when nothing of it runs any more. */
bool job_is_active(const struct job *job);

#endif
