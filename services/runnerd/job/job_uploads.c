/* The last phase of a job that did its work: what is in the outputs folder is stored. */
#include "libcommon/base/memory.h"
#include "services/runnerd/job/job_files.h"
#include "services/runnerd/job/job_internal.h"

#include <stdlib.h>

static void ask_for_more(struct job *job);

static void on_skip(void *context, const char *path, const char *why)
{
    struct job *job = context;
    log_write(LOG_LEVEL_WARN, &job->log, "output %.512s is not uploaded: %s", path, why);
}

static void on_artifact(void *context, const void *answer, const struct error *failure)
{
    struct job_transfer *transfer = context;
    struct job *job = transfer->job;
    const char *rel_path = job->outputs.files[transfer->index].rel_path;
    const struct message_artifact *artifact = answer;
    transfer->call = NULL;
    if (failure) {
        char *reason =
            memory_format("output %.1024s: %s (%s)", rel_path, failure->text, error_code_name(failure->code));
        job_on(job, JOB_EVENT_UPLOAD_FAILED, reason);
        free(reason);
        return;
    }
    log_write(LOG_LEVEL_DEBUG, &job->log, "output %s is stored as %s", rel_path, artifact->id);
    ask_for_more(job);
}

static void ask_for_more(struct job *job)
{
    size_t in_flight = 0;
    for (size_t i = 0; i < JOB_UPLOADS_AT_ONCE; i++) {
        struct job_transfer *transfer = &job->transfers[i];
        if (!transfer->call && job->next_transfer < job->outputs.count) {
            transfer->index = job->next_transfer++;
            const struct output_file *file = &job->outputs.files[transfer->index];
            char *path = memory_format(JOB_FILES_OUTPUTS "/%s", file->rel_path);
            const struct message_artifact_put put = {.task_key = job->command.task_key,
                                                     .path = path,
                                                     .rel_path = file->rel_path,
                                                     .name = file->name,
                                                     .data_type = file->data_type,
                                                     .id = file->id};
            transfer->call = call_artifact_put(job->host->stored, &put, on_artifact, transfer);
            free(path);
        }
        in_flight += transfer->call ? 1 : 0;
    }
    if (in_flight)
        return;
    if (job->runner->noop)
        noop_report_completed(job);
    job_on(job, JOB_EVENT_UPLOADED, NULL);
}

void job_uploads_start(struct job *job)
{
    struct error error;
    job->next_transfer = 0;
    if (output_scan(job->workspace_fd, &job->outputs, on_skip, job, &error)) {
        log_write(LOG_LEVEL_INFO, &job->log, "storing %zu outputs", job->outputs.count);
        ask_for_more(job);
    } else {
        job_on(job, JOB_EVENT_UPLOAD_FAILED, error.text);
    }
}
