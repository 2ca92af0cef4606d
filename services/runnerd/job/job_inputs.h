/* What a job is given: its inputs, which stored fetches, and the files that describe its task. */
#ifndef RUNNERD_JOB_JOB_INPUTS_H
#define RUNNERD_JOB_JOB_INPUTS_H

#include "libcommon/node/messages.h"
#include "services/runnerd/job/transfer_pool.h"

struct job_inputs {
    struct ipc_client *stored;
    const struct message_host_command *command; /* of the start; borrowed */
    int workspace_fd;
    void (*on_end)(void *context, const char *failure); /* once; NULL: all is there */
    void *context;

    struct message_input *items; /* what stored says of those that the command names */
    struct transfer_pool transfers;
};

/* Fills `items` and writes the task's files; the fields above them are set before. */
void job_inputs_start(struct job_inputs *inputs);

/* Harmless for what was zeroed and never started. */
void job_inputs_clear(struct job_inputs *inputs);

#endif
