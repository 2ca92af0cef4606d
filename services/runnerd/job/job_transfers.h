/*
 * What a job is given and what it leaves: stored fetches its inputs, and later takes the files in its outputs
 * folder; in their order, a few in flight at once, until one fails.
 */
#ifndef RUNNERD_JOB_JOB_TRANSFERS_H
#define RUNNERD_JOB_JOB_TRANSFERS_H

#include "libcommon/base/log.h"
#include "libcommon/ipc/ipc.h"
#include "services/runnerd/workspace/output_scan.h"

enum { TRANSFERS_MAX = 4 };

struct transfer_direction;

/* Once for each start: an item failed and the others were given up, or (NULL) all are there. */
typedef void job_transfers_function(void *context, const char *failure);

/* Of inputs or of outputs, whichever was asked for last. */
struct job_transfers {
    struct ipc_client *stored;
    const struct message_host_command *command; /* of the start; borrowed, as the next */
    const struct log_task *log;
    int workspace_fd;
    void *context; /* of on_done */

    struct message_input *inputs; /* what stored says of those that the command names */
    struct output_list outputs;
    const struct transfer_direction *direction;
    job_transfers_function *on_done;
    size_t count;
    size_t next; /* item to ask for */
    struct transfer {
        struct job_transfers *transfers;
        struct ipc_call *call; /* NULL: free */
        size_t item;
        const char *name; /* of the item, for the reason of a failure */
    } in_flight[TRANSFERS_MAX];
};

/* Fills `inputs` and writes the task's files; the fields above it are set before. */
void job_transfers_fetch(struct job_transfers *transfers, job_transfers_function *on_done);

/* Finds the outputs and has them stored; after the inputs. */
void job_transfers_store(struct job_transfers *transfers, job_transfers_function *on_done);

/* Waits for nothing any more, and tells nobody. This and the next are harmless for what was zeroed. */
void job_transfers_cancel(struct job_transfers *transfers);
void job_transfers_clear(struct job_transfers *transfers);

#endif
