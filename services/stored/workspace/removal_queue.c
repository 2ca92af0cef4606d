/* One tree at a time: two would only compete for the same disk. */
#include "services/stored/workspace/removal_queue.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/tree_removal.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
    ENTRIES_AT_ONCE = 10, /* between two looks at the clock: a slow disk takes milliseconds for each */
    TURN_MS = 5,          /* other work waits no longer than that */
    AT_THE_END_MS = 200,  /* of all that is left when the service stops, which has to be soon; the rest is the
                             next start's */
    TRY_AGAIN_MS = 2000,
    TRIES_MAX = 30
};

struct removal_job {
    struct tree_removal *removal;
    char *name;
    int tries;
    removal_done_function *on_done;
    void *context;
    STAILQ_ENTRY(removal_job) link;
};

struct removal_queue {
    int parent_fd;
    struct loop_timer turn;
    STAILQ_HEAD(removal_jobs, removal_job) jobs;
    struct loop_timer again;
    STAILQ_HEAD(failed_removal_jobs, removal_job) failed; /* tried again in a while */
};

static void append(struct removal_queue *queue, struct removal_job *job)
{
    job->removal = tree_removal_create(queue->parent_fd, job->name, NULL);
    STAILQ_INSERT_TAIL(&queue->jobs, job, link);
    if (!loop_timer_running(&queue->turn))
        loop_timer_start(&queue->turn, 0);
}

static void free_job(struct removal_job *job)
{
    tree_removal_free(job->removal);
    free(job->name);
    free(job);
}

/* After a restart of a service a job may still run in the tree and make new files until it is stopped. */
static void try_again_later(struct removal_queue *queue, struct removal_job *job, const struct error *failure)
{
    if (++job->tries >= TRIES_MAX) {
        log_warn("a left-over workspace stays: %s", failure->text);
        free_job(job);
        return;
    }
    tree_removal_free(job->removal);
    job->removal = NULL;
    STAILQ_INSERT_TAIL(&queue->failed, job, link);
    if (!loop_timer_running(&queue->again))
        loop_timer_start(&queue->again, TRY_AGAIN_MS);
}

static void on_again(void *context)
{
    struct removal_queue *queue = context;
    struct removal_job *next = NULL;
    struct removal_job *job = STAILQ_FIRST(&queue->failed);
    STAILQ_INIT(&queue->failed);
    for (; job; job = next) {
        next = STAILQ_NEXT(job, link);
        append(queue, job);
    }
}

static void finish_first(struct removal_queue *queue, const struct error *failure)
{
    struct removal_job *job = STAILQ_FIRST(&queue->jobs);
    STAILQ_REMOVE_HEAD(&queue->jobs, link);
    if (job->on_done)
        job->on_done(job->context, failure);
    job->on_done = NULL;
    if (failure)
        try_again_later(queue, job, failure);
    else
        free_job(job);
}

/* Goes on until `until_ms`, but does something in any case. */
static enum tree_removal_state step(struct removal_job *job, int64_t until_ms, struct error *error)
{
    enum tree_removal_state state;
    do
        state = tree_removal_step(job->removal, ENTRIES_AT_ONCE, error);
    while (state == TREE_REMOVAL_MORE && clock_boot_ms() < until_ms);
    return state;
}

static void on_turn(void *context)
{
    struct removal_queue *queue = context;
    struct error error;
    enum tree_removal_state state = step(STAILQ_FIRST(&queue->jobs), clock_boot_ms() + TURN_MS, &error);
    if (state != TREE_REMOVAL_MORE)
        finish_first(queue, state == TREE_REMOVAL_FAILED ? &error : NULL);
    if (!STAILQ_EMPTY(&queue->jobs))
        loop_timer_start(&queue->turn, 0);
}

struct removal_queue *removal_queue_create(struct loop *loop, int parent_fd)
{
    struct removal_queue *queue = memory_allocate(sizeof *queue);
    queue->parent_fd = parent_fd;
    STAILQ_INIT(&queue->jobs);
    STAILQ_INIT(&queue->failed);
    loop_timer_init(&queue->turn, loop, on_turn, queue);
    loop_timer_init(&queue->again, loop, on_again, queue);
    return queue;
}

void removal_queue_free(struct removal_queue *queue)
{
    struct error ignored;
    if (!queue)
        return;
    int64_t until_ms = clock_boot_ms() + AT_THE_END_MS;
    on_again(queue);
    loop_timer_stop(&queue->again);
    loop_timer_stop(&queue->turn);
    while (!STAILQ_EMPTY(&queue->jobs)) {
        struct removal_job *job = STAILQ_FIRST(&queue->jobs);
        STAILQ_REMOVE_HEAD(&queue->jobs, link);
        if (clock_boot_ms() < until_ms)
            step(job, until_ms, &ignored);
        free_job(job);
    }
    free(queue);
}

void removal_queue_add(struct removal_queue *queue, const char *name, removal_done_function *on_done,
                       void *context)
{
    struct removal_job *job = memory_allocate(sizeof *job);
    *job = (struct removal_job){.name = memory_copy_text(name), .on_done = on_done, .context = context};
    append(queue, job);
}
