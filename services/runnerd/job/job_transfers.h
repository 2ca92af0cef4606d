/*
 * What a job is given and what it leaves: stored fetches its inputs, and later takes the files in its outputs
 * folder; in their order, a few in flight at once, until one fails. What stored has no room for, or cannot do
 * now, is asked again until the job is stopped: as long as its lease lasts.
 */
#ifndef RUNNERD_JOB_JOB_TRANSFERS_H
#define RUNNERD_JOB_JOB_TRANSFERS_H

#include "libcommon/base/log.h"
#include "libcommon/base/retry.h"
#include "libcommon/ipc/ipc.h"
#include "services/runnerd/workspace/output_scan.h"

enum { TRANSFERS_MAX = 4 };

struct transfer_direction;

/* Once for each start: an item failed and the others were given up, or (NULL) all are there. */
typedef void job_transfers_function(void *context, const char *failure);

/* Of inputs or of outputs, whichever was asked for last. */
struct job_transfers {
    struct loop *loop;
    struct random *random;
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
        bool busy;             /* with an item */
        struct ipc_call *call; /* NULL: it waits for its next try */
        struct retry retry;
        struct loop_timer next_try;
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
