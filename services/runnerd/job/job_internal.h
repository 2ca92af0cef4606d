/* The inside of a job, for the files that make it up: inputs, work, uploads. */
#ifndef RUNNERD_JOB_JOB_INTERNAL_H
#define RUNNERD_JOB_JOB_INTERNAL_H

#include "libcommon/base/log.h"
#include "services/runnerd/job/job.h"
#include "services/runnerd/job/job_machine.h"
#include "services/runnerd/job/job_reports.h"
#include "services/runnerd/job/output_scan.h"

#include <pthread.h>

enum { JOB_INPUTS_AT_ONCE = 4, JOB_UPLOADS_AT_ONCE = 2, JOB_TRANSFERS_MAX = 4 };

/* A request to stored in flight. */
struct job_transfer {
    struct job *job;
    struct ipc_call *call; /* NULL: free */
    size_t index;          /* of the input or output */
};

struct job {
    struct job_host *host;
    struct message_host_command command;
    const struct runner *runner;
    char *refusal;
    struct log_task log;
    struct job_machine machine;
    bool hurry;
    int workspace_fd;
    struct job_reports *reports;

    struct job_transfer transfers[JOB_TRANSFERS_MAX];
    size_t next_transfer; /* index of the next input or output to ask for */
    struct message_input *inputs;
    struct output_list outputs;

    struct job_process *process;  /* NULL: not started, or a noop */
    struct loop_timer work_timer; /* the timeout, or a noop's sleep */

    pthread_t remover; /* removes what the job made */
    bool removing;
    struct loop_timer end_timer; /* a job is not freed in the middle of its own functions */
};

/* job.c: something happened. `reason` as of job_machine_on(). */
void job_on(struct job *job, enum job_event event, const char *reason);

/* job_inputs.c: ends with PREPARED or PREPARE_FAILED. */
void job_inputs_start(struct job *job);

/* job_work.c, noop.c: end with WORK_SUCCEEDED or WORK_FAILED, also when stopped. */
void job_work_start(struct job *job);
void job_work_stop(struct job *job);
void job_work_resume(struct job *job);
void noop_start(struct job *job);
void noop_stop(struct job *job);
void noop_report_completed(struct job *job);

/* job_uploads.c: ends with UPLOADED or UPLOAD_FAILED. */
void job_uploads_start(struct job *job);

/* job_inputs.c: asks for no more, and waits for nothing. */
void job_transfers_cancel(struct job *job);

#endif
