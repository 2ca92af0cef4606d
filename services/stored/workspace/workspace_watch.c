#include "services/stored/workspace/workspace_watch.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "services/stored/workspace/tree_measure.h"

#include <stdlib.h>
#include <sys/queue.h>

enum {
    ENTRIES_EACH_TURN = 200, /* well below a millisecond: other work waits no longer than that */
    MEASURE_AGAIN_MS = 2000,
    REPEAT_MS = 2000,  /* an event may get lost */
    PAUSE_FACTOR = 125 /* a step is followed by so many times its own length: 0.8% of a core, all workspaces
                          together */
};

struct watched_workspace {
    struct workspace_watch *watch;
    const struct workspace *workspace;
    const struct log_task *log;
    struct tree_measure *measure; /* NULL between two of them */
    int64_t due_ms;
    bool suspected; /* the last measuring was above the limit */
    bool overran;   /* so was the one before: it stays so */
    bool warned;
    int64_t used_bytes;
    workspace_overrun_function *on_overrun;
    void *context;
    LIST_ENTRY(watched_workspace) link;
};

struct workspace_watch {
    int64_t limit_bytes;
    struct loop_timer timer;
    LIST_HEAD(watched_workspace_list, watched_workspace) list;
};

/* --- one workspace --- */

static void end_measure(struct watched_workspace *watched)
{
    const char *fault = tree_measure_fault(watched->measure);
    if (fault && !watched->warned)
        log_write(LOG_LEVEL_WARN, watched->log, "the workspace is counted only as far as it can be seen: %s",
                  fault);
    watched->warned = watched->warned || fault;
    watched->used_bytes = tree_measure_bytes(watched->measure);
    tree_measure_free(watched->measure);
    watched->measure = NULL;
}

/* A file that moved during the walk may have been counted twice: an overrun has to be seen twice in a row. */
static void judge(struct watched_workspace *watched, int64_t now_ms)
{
    bool above = watched->used_bytes > watched->watch->limit_bytes;
    watched->overran = above && watched->suspected;
    watched->due_ms = above && !watched->suspected ? now_ms : now_ms + MEASURE_AGAIN_MS;
    watched->suspected = above;
}

/* Ends with the limit at the latest: a tree that grows faster than it is walked would have no end. */
static void measure(struct watched_workspace *watched, int64_t now_ms)
{
    const int folders[] = {watched->workspace->fd, watched->workspace->incoming_fd};
    if (!watched->measure)
        watched->measure = tree_measure_create(folders, sizeof folders / sizeof folders[0]);
    bool more = tree_measure_step(watched->measure, ENTRIES_EACH_TURN);
    watched->due_ms = now_ms;
    if (more && tree_measure_bytes(watched->measure) <= watched->watch->limit_bytes)
        return;
    end_measure(watched);
    judge(watched, now_ms);
}

/* --- all --- */

/* The one that has waited longest; a long walk does not keep the others waiting. */
static struct watched_workspace *find_due(const struct workspace_watch *watch)
{
    struct watched_workspace *found = LIST_FIRST(&watch->list);
    for (struct watched_workspace *watched = LIST_FIRST(&watch->list); watched;
         watched = LIST_NEXT(watched, link))
        if (watched->due_ms < found->due_ms)
            found = watched;
    return found;
}

static int64_t wait_ms(const struct workspace_watch *watch, int64_t pause_ms, int64_t now_ms)
{
    const struct watched_workspace *watched = find_due(watch);
    if (!watched)
        return -1;
    int64_t due_in_ms = watched->due_ms - now_ms;
    return due_in_ms > pause_ms ? due_in_ms : pause_ms;
}

int64_t workspace_watch_turn(struct workspace_watch *watch, int64_t now_ms)
{
    struct watched_workspace *watched = find_due(watch);
    int64_t began_us = clock_thread_cpu_us();
    if (!watched || watched->due_ms > now_ms)
        return wait_ms(watch, 0, now_ms);
    if (watched->overran)
        watched->due_ms = now_ms + REPEAT_MS;
    else
        measure(watched, now_ms);
    int64_t pause_ms = (clock_thread_cpu_us() - began_us) * PAUSE_FACTOR / 1000;
    /* It may be gone after this. */
    if (watched->overran)
        watched->on_overrun(watched->context, watched->used_bytes);
    return wait_ms(watch, pause_ms, now_ms);
}

static void on_timer(void *context)
{
    struct workspace_watch *watch = context;
    int64_t delay_ms = workspace_watch_turn(watch, clock_boot_ms());
    if (delay_ms >= 0)
        loop_timer_start(&watch->timer, delay_ms);
}

struct workspace_watch *workspace_watch_create(struct loop *loop, int64_t limit_bytes)
{
    struct workspace_watch *watch = memory_allocate(sizeof *watch);
    watch->limit_bytes = limit_bytes;
    loop_timer_init(&watch->timer, loop, on_timer, watch);
    return watch;
}

void workspace_watch_free(struct workspace_watch *watch)
{
    if (!watch)
        return;
    for (struct watched_workspace *watched = LIST_FIRST(&watch->list), *next; watched; watched = next) {
        next = LIST_NEXT(watched, link);
        workspace_watch_remove(watched);
    }
    loop_timer_stop(&watch->timer);
    free(watch);
}

struct watched_workspace *workspace_watch_add(struct workspace_watch *watch,
                                              const struct workspace *workspace, const struct log_task *log,
                                              int64_t now_ms, workspace_overrun_function *on_overrun,
                                              void *context)
{
    if (watch->limit_bytes == 0)
        return NULL;
    struct watched_workspace *watched = memory_allocate(sizeof *watched);
    *watched = (struct watched_workspace){.watch = watch,
                                          .workspace = workspace,
                                          .log = log,
                                          .due_ms = now_ms + MEASURE_AGAIN_MS,
                                          .on_overrun = on_overrun,
                                          .context = context};
    LIST_INSERT_HEAD(&watch->list, watched, link);
    if (!loop_timer_running(&watch->timer))
        loop_timer_start(&watch->timer, MEASURE_AGAIN_MS);
    return watched;
}

void workspace_watch_remove(struct watched_workspace *watched)
{
    if (!watched)
        return;
    LIST_REMOVE(watched, link);
    tree_measure_free(watched->measure);
    free(watched);
}
