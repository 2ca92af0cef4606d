/* The first phase of a job: its inputs are fetched, and the files that describe the task are written. */
#include "libcommon/base/memory.h"
#include "services/runnerd/job/job_files.h"
#include "services/runnerd/job/job_internal.h"

#include <stdlib.h>
#include <string.h>

static void ask_for_more(struct job *job);

void job_transfers_cancel(struct job *job)
{
    for (size_t i = 0; i < JOB_TRANSFERS_MAX; i++) {
        ipc_cancel(job->transfers[i].call);
        job->transfers[i].call = NULL;
    }
}

static bool write_task_files(struct job *job, struct error *error)
{
    const char *task = job->command.task ? job->command.task : "{}";
    char *inputs = job_files_inputs_json(job->inputs, job->command.inputs.count);
    bool ok = job_files_write(job->workspace_fd, JOB_FILES_TASK, task, strlen(task), error) &&
              job_files_write(job->workspace_fd, JOB_FILES_INPUTS, inputs, strlen(inputs), error);
    free(inputs);
    return ok;
}

static void on_input(void *context, const void *answer, const struct error *failure)
{
    struct job_transfer *transfer = context;
    struct job *job = transfer->job;
    transfer->call = NULL;
    if (failure) {
        char *reason = memory_format("input %.1024s: %s (%s)", job->command.inputs.items[transfer->index],
                                     failure->text, error_code_name(failure->code));
        job_on(job, JOB_EVENT_PREPARE_FAILED, reason);
        free(reason);
        return;
    }
    message_copy(&message_input_type, &job->inputs[transfer->index], answer);
    ask_for_more(job);
}

static void ask_for_more(struct job *job)
{
    struct error error;
    size_t in_flight = 0;
    for (size_t i = 0; i < JOB_INPUTS_AT_ONCE; i++) {
        struct job_transfer *transfer = &job->transfers[i];
        if (!transfer->call && job->next_transfer < job->command.inputs.count) {
            transfer->index = job->next_transfer++;
            const struct message_input_materialize asked = {
                .task_key = job->command.task_key, .cid = job->command.inputs.items[transfer->index]};
            transfer->call = call_input_materialize(job->host->stored, &asked, on_input, transfer);
        }
        in_flight += transfer->call ? 1 : 0;
    }
    if (in_flight)
        return;
    if (write_task_files(job, &error))
        job_on(job, JOB_EVENT_PREPARED, NULL);
    else
        job_on(job, JOB_EVENT_PREPARE_FAILED, error.text);
}

void job_inputs_start(struct job *job)
{
    job->next_transfer = 0;
    ask_for_more(job);
}
