#include "services/runnerd/job/job.h"

#include "libcommon/base/memory.h"
#include "services/runnerd/job/job_files.h"
#include "services/runnerd/job/job_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the end of a job --- */

static void send_end(struct job *job)
{
    job_reports_finish(job->reports, job->machine.succeeded, job->machine.reason);
}

static void on_removed(void *context)
{
    struct job *job = context;
    pthread_join(job->remover, NULL);
    job->removing = false;
    send_end(job);
}

static void *remove_files(void *context)
{
    struct job *job = context;
    job_files_remove(job->command.workspace);
    loop_post(job->host->loop, on_removed, job);
    return NULL;
}

/* leased closes the session after the end is told, and stored cannot remove what this uid made: it goes
 * first. */
static void report(struct job *job)
{
    loop_timer_stop(&job->work_timer);
    job_transfers_cancel(job);
    if (job->machine.succeeded)
        log_write(LOG_LEVEL_INFO, &job->log, "the job is done");
    else
        log_write(LOG_LEVEL_WARN, &job->log, "the job failed: %s", job->machine.reason);
    if (job->machine.stopped)
        job_reports_drop(job->reports);
    job->removing = job->workspace_fd >= 0 && pthread_create(&job->remover, NULL, remove_files, job) == 0;
    if (!job->removing)
        send_end(job);
}

static void on_finished(void *context)
{
    job_on(context, JOB_EVENT_REPORTED, NULL);
}

static void on_room(void *context)
{
    job_work_resume(context);
}

static void on_end(void *context)
{
    struct job *job = context;
    job->host->on_ended(job->host->context, job);
}

/* --- the life --- */

void job_on(struct job *job, enum job_event event, const char *reason)
{
    enum job_action action = job_machine_on(&job->machine, event, reason);
    log_write(LOG_LEVEL_DEBUG, &job->log, "the job is %s", job_phase_name(job->machine.phase));
    switch (action) {
    case JOB_ACTION_START_WORK:
        if (job->runner->noop)
            noop_start(job);
        else
            job_work_start(job);
        break;
    case JOB_ACTION_STOP_WORK:
        if (job->runner->noop)
            noop_stop(job);
        else
            job_work_stop(job);
        break;
    case JOB_ACTION_START_UPLOADS:
        loop_timer_stop(&job->work_timer);
        job_uploads_start(job);
        break;
    case JOB_ACTION_REPORT:
        report(job);
        break;
    case JOB_ACTION_END:
        loop_timer_start(&job->end_timer, 0);
        break;
    case JOB_ACTION_NONE:
        break;
    }
}

void job_start(struct job *job)
{
    struct error error;
    if (job->refusal) {
        job_on(job, JOB_EVENT_PREPARE_FAILED, job->refusal);
        return;
    }
    log_write(LOG_LEVEL_INFO, &job->log, "starting a job with %zu inputs", job->command.inputs.count);
    const char *workspace = job->command.workspace;
    job->workspace_fd = job_files_open_workspace(workspace ? workspace : "", &error);
    if (job->workspace_fd < 0)
        job_on(job, JOB_EVENT_PREPARE_FAILED, error.text);
    else
        job_inputs_start(job);
}

void job_stop(struct job *job, const char *reason, bool hurry)
{
    job->hurry = job->hurry || hurry;
    job_on(job, JOB_EVENT_STOP, reason);
}

/* --- making and freeing --- */

struct job *job_create(struct job_host *host, const struct message_host_command *command,
                       const struct runner *runner, const char *refusal)
{
    struct job *job = memory_allocate(sizeof *job);
    job->host = host;
    job->runner = runner;
    job->refusal = memory_copy_text(refusal);
    job->workspace_fd = -1;
    message_copy(&message_host_command_type, &job->command, command);
    job->inputs = memory_allocate_array(command->inputs.count + 1, sizeof *job->inputs);
    job->log = (struct log_task){.task_id = job->command.task_id,
                                 .job_id = job->command.job_id,
                                 .capability = job->command.capability,
                                 .domain_id = job->command.domain_id};
    for (size_t i = 0; i < JOB_TRANSFERS_MAX; i++)
        job->transfers[i].job = job;
    loop_timer_init(&job->end_timer, host->loop, on_end, job);
    loop_timer_init(&job->work_timer, host->loop, NULL, job);
    job->reports = job_reports_create(&(struct job_reports_options){.loop = host->loop,
                                                                    .leased = host->leased,
                                                                    .task_key = &job->command.task_key,
                                                                    .log = &job->log,
                                                                    .on_room = on_room,
                                                                    .on_finished = on_finished,
                                                                    .context = job});
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    if (job->removing)
        pthread_join(job->remover, NULL);
    loop_timer_stop(&job->work_timer);
    loop_timer_stop(&job->end_timer);
    job_transfers_cancel(job);
    job_process_free(job->process);
    job_reports_free(job->reports);
    for (size_t i = 0; i < job->command.inputs.count; i++)
        message_clear(&message_input_type, &job->inputs[i]);
    free(job->inputs);
    output_list_clear(&job->outputs);
    message_clear(&message_host_command_type, &job->command);
    job_machine_clear(&job->machine);
    free(job->refusal);
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
    return job->machine.phase < JOB_PHASE_REPORTING;
}
