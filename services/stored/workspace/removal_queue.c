/* One tree at a time: two would only compete for the same disk. */
#include "services/stored/workspace/removal_queue.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/tree_removal.h"

#include <stdlib.h>

enum {
    ENTRIES_EACH_TURN = 200,    /* some milliseconds on a slow disk: other work waits no longer than that */
    ENTRIES_AT_THE_END = 10000, /* of the last try when the service stops, which has to be soon */
    TRY_AGAIN_MS = 2000,
    TRIES_MAX = 30
};

struct removal_job {
    struct tree_removal *removal;
    char *name;
    int tries;
    removal_done_function *on_done;
    void *context;
    struct removal_job *next;
};

struct removal_queue {
    int parent_fd;
    struct loop_timer turn;
    struct removal_job *first;
    struct removal_job **last;
    struct loop_timer again;
    struct removal_job *failed; /* tried again in a while */
};

static void append(struct removal_queue *queue, struct removal_job *job)
{
    job->removal = tree_removal_create(queue->parent_fd, job->name, NULL);
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
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
    job->next = queue->failed;
    queue->failed = job;
    if (!loop_timer_running(&queue->again))
        loop_timer_start(&queue->again, TRY_AGAIN_MS);
}

static void on_again(void *context)
{
    struct removal_queue *queue = context;
    struct removal_job *job = queue->failed;
    queue->failed = NULL;
    for (struct removal_job *next; job; job = next) {
        next = job->next;
        append(queue, job);
    }
}

static void finish_first(struct removal_queue *queue, const struct error *failure)
{
    struct removal_job *job = queue->first;
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    if (job->on_done)
        job->on_done(job->context, failure);
    job->on_done = NULL;
    if (failure)
        try_again_later(queue, job, failure);
    else
        free_job(job);
}

static void on_turn(void *context)
{
    struct removal_queue *queue = context;
    struct error error;
    enum tree_removal_state state = tree_removal_step(queue->first->removal, ENTRIES_EACH_TURN, &error);
    if (state != TREE_REMOVAL_MORE)
        finish_first(queue, state == TREE_REMOVAL_FAILED ? &error : NULL);
    if (queue->first)
        loop_timer_start(&queue->turn, 0);
}

struct removal_queue *removal_queue_create(struct loop *loop, int parent_fd)
{
    struct removal_queue *queue = memory_allocate(sizeof *queue);
    queue->parent_fd = parent_fd;
    queue->last = &queue->first;
    loop_timer_init(&queue->turn, loop, on_turn, queue);
    loop_timer_init(&queue->again, loop, on_again, queue);
    return queue;
}

void removal_queue_free(struct removal_queue *queue)
{
    struct error ignored;
    if (!queue)
        return;
    on_again(queue);
    loop_timer_stop(&queue->again);
    loop_timer_stop(&queue->turn);
    while (queue->first) {
        struct removal_job *job = queue->first;
        queue->first = job->next;
        tree_removal_step(job->removal, ENTRIES_AT_THE_END, &ignored);
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
