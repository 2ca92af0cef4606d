#include "services/runnerd/job/job.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/runnerd/host/job_updates.h"
#include "services/runnerd/job/job_machine.h"
#include "services/runnerd/job/job_transfers.h"
#include "services/runnerd/work/work.h"
#include "services/runnerd/workspace/job_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
    struct job_host *host;
    struct message_host_command command;
    struct runner *runner; /* NULL only with a refusal */
    struct log_task log;
    struct job_machine machine;
    int grace_ms; /* once it is stopped: how long its program has to leave */
    int workspace_fd;
    struct job_updates *updates;

    struct job_transfers transfers;
    struct work *work;    /* NULL: not begun */
    int64_t work_boot_ms; /* when it began */
    int64_t ran_ms;       /* as of task_finish */
    struct loop_timer timeout;

    pthread_t remover; /* removes what the job made */
    bool removing;
    atomic_bool stop_removing;
    struct loop_timer end_timer; /* a job is not freed in the middle of its own functions */
};

/* Something happened. `reason` as of job_machine_on(). */
static void on_event(struct job *job, enum job_event event, const char *reason);

/* --- from the inputs to the uploads --- */

static void on_fetched(void *context, const char *failure)
{
    on_event(context, failure ? JOB_EVENT_PREPARE_FAILED : JOB_EVENT_PREPARED, failure);
}

static void on_work_done(void *context, bool succeeded, const char *reason)
{
    on_event(context, succeeded ? JOB_EVENT_WORK_SUCCEEDED : JOB_EVENT_WORK_FAILED, reason);
}

static void on_start_fault(void *context, int code, const char *reason)
{
    const struct job *job = context;
    job->host->on_start_fault(job->host->context, job->runner, code, reason);
}

static void on_timeout(void *context)
{
    struct job *job = context;
    char *reason = memory_format("timed out after %lld s", (long long)job->runner->timeout_secs);
    job_stop(job, reason, LIMIT_JOB_GRACE_MS);
    free(reason);
}

static void start_work(struct job *job)
{
    struct error error;
    const struct work_kind *kind = job->runner->noop ? &work_noop : &work_exec;
    job->work_boot_ms = clock_boot_ms();
    job->work = kind->start(&(struct work_options){.loop = job->host->loop,
                                                   .command = &job->command,
                                                   .inputs = job->transfers.inputs,
                                                   .runner = job->runner,
                                                   .workspace_fd = job->workspace_fd,
                                                   .updates = job->updates,
                                                   .log = &job->log,
                                                   .processes = &job->host->processes,
                                                   .noop_sleep_secs = job->host->noop_sleep_secs,
                                                   .on_start_fault = on_start_fault,
                                                   .on_done = on_work_done,
                                                   .context = job},
                            &error);
    if (!job->work)
        on_event(job, JOB_EVENT_WORK_FAILED, error.text);
    else if (job->runner->timeout_secs)
        loop_timer_start(&job->timeout, job->runner->timeout_secs * 1000);
}

static void stop_work(struct job *job)
{
    loop_timer_stop(&job->timeout);
    job_updates_drop(job->updates);
    job->work->kind->stop(job->work, job->grace_ms);
}

static void on_room(void *context)
{
    const struct job *job = context;
    if (job->work && job->work->kind->resume)
        job->work->kind->resume(job->work);
}

static void on_stored(void *context, const char *failure)
{
    struct job *job = context;
    const char *progress = failure ? NULL : job->work->kind->last_progress;
    if (progress)
        job_updates_progress(job->updates, progress, strlen(progress));
    on_event(job, failure ? JOB_EVENT_UPLOAD_FAILED : JOB_EVENT_UPLOADED, failure);
}

/* --- the end of a job --- */

static void tell_end(struct job *job)
{
    job_updates_finish(job->updates, job->machine.succeeded, job->machine.reason, job->ran_ms);
}

static void on_removed(void *context)
{
    struct job *job = context;
    pthread_join(job->remover, NULL);
    job->removing = false;
    tell_end(job);
}

static void *remove_files(void *context)
{
    struct job *job = context;
    job_files_remove(job->workspace_fd, &job->stop_removing);
    loop_post(job->host->loop, on_removed, job);
    return NULL;
}

/* leased closes the session after the end is told, and stored cannot remove what this uid made: it goes
 * first. */
static void finish(struct job *job)
{
    loop_timer_stop(&job->timeout);
    if (job->work_boot_ms)
        job->ran_ms = clock_boot_ms() - job->work_boot_ms + 1;
    job_transfers_cancel(&job->transfers);
    if (job->machine.succeeded)
        log_write(LOG_LEVEL_INFO, &job->log, "the job is done");
    else
        log_write(LOG_LEVEL_WARN, &job->log, "the job failed: %s", job->machine.reason);
    if (job->machine.stopped)
        job_updates_drop(job->updates);
    job->removing = job->workspace_fd >= 0 && pthread_create(&job->remover, NULL, remove_files, job) == 0;
    if (!job->removing)
        tell_end(job);
}

static void on_finished(void *context)
{
    on_event(context, JOB_EVENT_FINISHED, NULL);
}

static void on_end(void *context)
{
    struct job *job = context;
    job->host->on_ended(job->host->context, job);
}

/* --- the life --- */

static void on_event(struct job *job, enum job_event event, const char *reason)
{
    enum job_action action = job_machine_on(&job->machine, event, reason);
    log_write(LOG_LEVEL_DEBUG, &job->log, "the job is %s", job_phase_name(job->machine.phase));
    switch (action) {
    case JOB_ACTION_START_WORK:
        start_work(job);
        break;
    case JOB_ACTION_STOP_WORK:
        stop_work(job);
        break;
    case JOB_ACTION_START_UPLOADS:
        loop_timer_stop(&job->timeout);
        job_transfers_store(&job->transfers, on_stored);
        break;
    case JOB_ACTION_FINISH:
        finish(job);
        break;
    case JOB_ACTION_END:
        loop_timer_start(&job->end_timer, 0);
        break;
    case JOB_ACTION_NONE:
        break;
    }
}

static void start(struct job *job)
{
    struct error error;
    log_write(LOG_LEVEL_INFO, &job->log, "starting a job with %zu %s", job->command.inputs.count,
              text_plural(job->command.inputs.count, "input", "inputs"));
    job->workspace_fd = job_files_open_workspace(job->command.workspace, &error);
    job->transfers = (struct job_transfers){.loop = job->host->loop,
                                            .random = job->host->random,
                                            .stored = job->host->stored,
                                            .command = &job->command,
                                            .log = &job->log,
                                            .workspace_fd = job->workspace_fd,
                                            .context = job};
    if (job->workspace_fd < 0)
        on_event(job, JOB_EVENT_PREPARE_FAILED, error.text);
    else
        job_transfers_fetch(&job->transfers, on_fetched);
}

void job_stop(struct job *job, const char *reason, int grace_ms)
{
    job->grace_ms = grace_ms;
    on_event(job, JOB_EVENT_STOP, reason);
}

/* --- making and freeing --- */

struct job *job_create(struct job_host *host, const struct message_host_command *command,
                       struct runner *runner, const char *refusal)
{
    struct job *job = memory_allocate(sizeof *job);
    job->host = host;
    job->runner = runner ? runner_hold(runner) : NULL;
    job->workspace_fd = -1;
    message_copy(&message_host_command_type, &job->command, command);
    job->log = (struct log_task){.task_id = job->command.task_id,
                                 .job_id = job->command.job_id,
                                 .capability = job->command.capability,
                                 .domain_id = job->command.domain_id};
    loop_timer_init(&job->end_timer, host->loop, on_end, job);
    loop_timer_init(&job->timeout, host->loop, on_timeout, job);
    job->updates = job_updates_create(&(struct job_updates_options){.loop = host->loop,
                                                                    .leased = host->leased,
                                                                    .task_key = &job->command.task_key,
                                                                    .log = &job->log,
                                                                    .on_room = on_room,
                                                                    .on_finished = on_finished,
                                                                    .context = job});
    if (refusal)
        on_event(job, JOB_EVENT_PREPARE_FAILED, refusal);
    else
        start(job);
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    atomic_store(&job->stop_removing, true);
    if (job->removing)
        pthread_join(job->remover, NULL);
    loop_timer_stop(&job->timeout);
    loop_timer_stop(&job->end_timer);
    if (job->work)
        job->work->kind->free(job->work);
    job_updates_free(job->updates);
    job_transfers_clear(&job->transfers);
    message_clear(&message_host_command_type, &job->command);
    job_machine_clear(&job->machine);
    runner_drop(job->runner);
    if (job->workspace_fd >= 0)
        close(job->workspace_fd);
    free(job);
}

const struct secret *job_key(const struct job *job)
{
    return &job->command.task_key;
}

const char *job_capability(const struct job *job)
{
    return job->command.capability ? job->command.capability : "";
}

bool job_is_active(const struct job *job)
{
    return job->machine.phase < JOB_PHASE_FINISHING;
}
