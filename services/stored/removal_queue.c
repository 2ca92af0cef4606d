/* One tree at a time: two would only compete for the same disk. */
#include "services/stored/removal_queue.h"

#include "libcommon/log.h"
#include "libcommon/memory.h"
#include "services/stored/tree_removal.h"

#include <stdlib.h>

/* Some milliseconds on a slow disk: other work waits no longer than that. */
enum { ENTRIES_EACH_TURN = 200 };

struct removal_job {
    struct tree_removal *removal;
    removal_done_function *on_done;
    void *context;
    struct removal_job *next;
};

struct removal_queue {
    int parent_fd;
    struct loop_timer turn;
    struct removal_job *first;
    struct removal_job **last;
};

static void finish_first(struct removal_queue *queue, const struct error *failure)
{
    struct removal_job *job = queue->first;
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    tree_removal_free(job->removal);
    if (job->on_done)
        job->on_done(job->context, failure);
    else if (failure)
        log_warn("a left-over workspace stays: %s", failure->text);
    free(job);
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
    return queue;
}

void removal_queue_free(struct removal_queue *queue)
{
    if (!queue)
        return;
    loop_timer_stop(&queue->turn);
    while (queue->first) {
        struct removal_job *job = queue->first;
        queue->first = job->next;
        tree_removal_free(job->removal);
        free(job);
    }
    free(queue);
}

void removal_queue_add(struct removal_queue *queue, const char *name, removal_done_function *on_done,
                       void *context)
{
    struct removal_job *job = memory_allocate(sizeof *job);
    *job = (struct removal_job){
        .removal = tree_removal_create(queue->parent_fd, name), .on_done = on_done, .context = context};
    *queue->last = job;
    queue->last = &job->next;
    if (!loop_timer_running(&queue->turn))
        loop_timer_start(&queue->turn, 0);
}
