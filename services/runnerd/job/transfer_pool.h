/* Requests to stored for all items of a list, in its order, a few in flight at once, until one fails. */
#ifndef RUNNERD_JOB_TRANSFER_POOL_H
#define RUNNERD_JOB_TRANSFER_POOL_H

#include "libcommon/ipc/ipc.h"

#include <stdbool.h>
#include <stddef.h>

enum { TRANSFERS_MAX = 4 };

struct transfer_pool_options {
    size_t item_count;
    size_t at_once; /* TRANSFERS_MAX at most */

    /* Sends the request for an item, with `on_answer` and `transfer` for its answer. */
    struct ipc_call *(*ask)(void *context, size_t item, ipc_answer_function *on_answer, void *transfer);
    void (*on_answer)(void *context, size_t item, const void *answer);

    /* Once: an item failed and the others were given up, or (`failure` is NULL) all are there. */
    void (*on_end)(void *context, size_t item, const struct error *failure);
    void *context;
};

struct transfer {
    struct transfer_pool *pool;
    struct ipc_call *call; /* NULL: free */
    size_t item;
};

struct transfer_pool {
    struct transfer_pool_options options;
    struct transfer transfers[TRANSFERS_MAX];
    size_t next; /* item to ask for */
};

/* A list without items ends at once. */
void transfer_pool_start(struct transfer_pool *pool, const struct transfer_pool_options *options);

/* Waits for nothing any more; without on_end. Harmless for one that was zeroed and never started. */
void transfer_pool_cancel(struct transfer_pool *pool);

#endif
