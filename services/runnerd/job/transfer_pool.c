#include "services/runnerd/job/transfer_pool.h"

static void ask_for_more(struct transfer_pool *pool);

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct transfer *transfer = context;
    struct transfer_pool *pool = transfer->pool;
    transfer->call = NULL;
    if (failure) {
        transfer_pool_cancel(pool);
        pool->options.on_end(pool->options.context, transfer->item, failure);
        return;
    }
    pool->options.on_answer(pool->options.context, transfer->item, answer);
    ask_for_more(pool);
}

static void ask_for_more(struct transfer_pool *pool)
{
    const struct transfer_pool_options *options = &pool->options;
    bool waiting = false;
    for (size_t i = 0; i < options->at_once; i++) {
        struct transfer *transfer = &pool->transfers[i];
        if (!transfer->call && pool->next < options->item_count) {
            transfer->item = pool->next++;
            transfer->call = options->ask(options->context, transfer->item, on_answer, transfer);
        }
        waiting = waiting || transfer->call;
    }
    if (!waiting)
        options->on_end(options->context, 0, NULL);
}

void transfer_pool_start(struct transfer_pool *pool, const struct transfer_pool_options *options)
{
    *pool = (struct transfer_pool){.options = *options};
    for (size_t i = 0; i < TRANSFERS_MAX; i++)
        pool->transfers[i].pool = pool;
    ask_for_more(pool);
}

void transfer_pool_cancel(struct transfer_pool *pool)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        ipc_cancel(pool->transfers[i].call);
        pool->transfers[i].call = NULL;
    }
}
