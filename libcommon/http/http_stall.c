#include "libcommon/http/http_stall.h"

static void start_tick(struct http_stall *stall)
{
    int64_t slice_ms = stall->window_ms / HTTP_STALL_SLICES;
    loop_timer_start(&stall->tick, slice_ms > 0 ? slice_ms : 1);
}

static void on_tick(void *context)
{
    struct http_stall *stall = context;
    int64_t moved = stall->moved_bytes(stall->context);
    int64_t needed = stall->bytes_per_second * stall->window_ms / 1000;
    int64_t *mark = &stall->marks[stall->ticks % HTTP_STALL_SLICES];
    if (stall->ticks >= HTTP_STALL_SLICES && moved - *mark < (needed > 0 ? needed : 1)) {
        stall->on_stalled(stall->context);
        return;
    }
    *mark = moved;
    stall->ticks++;
    start_tick(stall);
}

void http_stall_init(struct http_stall *stall, struct loop *loop)
{
    loop_timer_init(&stall->tick, loop, on_tick, stall);
}

void http_stall_watch(struct http_stall *stall)
{
    if (stall->window_ms <= 0)
        return;
    stall->marks[0] = 0;
    stall->ticks = 1;
    start_tick(stall);
}

void http_stall_stop(struct http_stall *stall)
{
    loop_timer_stop(&stall->tick);
}
