/*
 * Notices a transfer that has stalled: one that moved fewer bytes in the last `window_ms` than it should
 * have. The window slides by eighths, so a stall is noticed an eighth of it late at most.
 */
#ifndef LIBCOMMON_HTTP_HTTP_STALL_H
#define LIBCOMMON_HTTP_HTTP_STALL_H

#include "libcommon/loop/loop.h"

#include <stddef.h>
#include <stdint.h>

enum { HTTP_STALL_SLICES = 8 };

/* A value inside the caller's struct. */
struct http_stall {
    int64_t window_ms; /* 0: a transfer may take all the time it wants */
    int64_t bytes_per_second;
    int64_t (*moved_bytes)(void *context); /* since the watch began */
    void (*on_stalled)(void *context);     /* once; the watch has ended */
    void *context;
    struct loop_timer tick;
    int64_t marks[HTTP_STALL_SLICES]; /* bytes moved by the last ticks */
    size_t ticks;
};

/* Makes the timer of one that has the rules above. */
void http_stall_init(struct http_stall *stall, struct loop *loop);

/* Begins with no byte moved, also when it was watching already. */
void http_stall_watch(struct http_stall *stall);
void http_stall_stop(struct http_stall *stall);

#endif
