/* What a job leaves: the files in its outputs folder, which stored takes. */
#ifndef RUNNERD_JOB_JOB_UPLOADS_H
#define RUNNERD_JOB_JOB_UPLOADS_H

#include "libcommon/base/log.h"
#include "libcommon/base/secret.h"
#include "services/runnerd/job/transfer_pool.h"
#include "services/runnerd/workspace/output_scan.h"

struct job_uploads {
    struct ipc_client *stored;
    const struct secret *task_key; /* borrowed, as the next */
    const struct log_task *log;
    int workspace_fd;
    void (*on_end)(void *context, const char *failure); /* once; NULL: all is stored */
    void *context;

    struct output_list outputs;
    struct transfer_pool transfers;
};

/* Finds the outputs and has them stored; the fields above them are set before. */
void job_uploads_start(struct job_uploads *uploads);

/* Harmless for what was zeroed and never started. */
void job_uploads_clear(struct job_uploads *uploads);

#endif
