#include "services/runnerd/job/job_uploads.h"

#include "libcommon/base/memory.h"
#include "services/runnerd/workspace/job_files.h"

#include <stdlib.h>

enum { UPLOADS_AT_ONCE = 2 };

static struct ipc_call *ask(void *context, size_t item, ipc_answer_function *on_answer, void *transfer)
{
    const struct job_uploads *uploads = context;
    const struct output_file *file = &uploads->outputs.files[item];
    char *path = memory_format(JOB_FILES_OUTPUTS "/%s", file->rel_path);
    const struct message_artifact_put put = {.task_key = *uploads->task_key,
                                             .path = path,
                                             .rel_path = file->rel_path,
                                             .name = file->name,
                                             .data_type = file->data_type,
                                             .id = file->id};
    struct ipc_call *call = call_artifact_put(uploads->stored, &put, on_answer, transfer);
    free(path);
    return call;
}

static void on_answer(void *context, size_t item, const void *answer)
{
    const struct job_uploads *uploads = context;
    const struct message_artifact *artifact = answer;
    log_write(LOG_LEVEL_DEBUG, uploads->log, "output %s is stored as %s",
              uploads->outputs.files[item].rel_path, artifact->id);
}

static void on_end(void *context, size_t item, const struct error *failure)
{
    const struct job_uploads *uploads = context;
    char *reason = NULL;
    if (failure)
        reason = memory_format("output %.1024s: %s (%s)", uploads->outputs.files[item].rel_path,
                               failure->text, error_code_name(failure->code));
    uploads->on_end(uploads->context, reason);
    free(reason);
}

static void on_skip(void *context, const char *path, const char *why)
{
    const struct job_uploads *uploads = context;
    log_write(LOG_LEVEL_WARN, uploads->log, "output %.512s is not uploaded: %s", path, why);
}

void job_uploads_start(struct job_uploads *uploads)
{
    struct error error;
    if (!output_scan(uploads->workspace_fd, &uploads->outputs, on_skip, uploads, &error)) {
        uploads->on_end(uploads->context, error.text);
        return;
    }
    log_write(LOG_LEVEL_INFO, uploads->log, "storing %zu outputs", uploads->outputs.count);
    transfer_pool_start(&uploads->transfers,
                        &(struct transfer_pool_options){.item_count = uploads->outputs.count,
                                                        .at_once = UPLOADS_AT_ONCE,
                                                        .ask = ask,
                                                        .on_answer = on_answer,
                                                        .on_end = on_end,
                                                        .context = uploads});
}

void job_uploads_clear(struct job_uploads *uploads)
{
    transfer_pool_cancel(&uploads->transfers);
    output_list_clear(&uploads->outputs);
}
