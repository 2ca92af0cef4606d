/*
 * The event loop: one thread, epoll underneath. Descriptors, timers, signals, child exits and posts from
 * other threads all come to the one thread that calls loop_run(); no handler may block.
 *
 * Functions may be called from handlers; removing a watch or stopping a timer from any handler is safe, and
 * nothing fires for it afterwards. Except for loop_post(), everything belongs to the loop's thread.
 */
#ifndef LIBCOMMON_LOOP_LOOP_H
#define LIBCOMMON_LOOP_LOOP_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct loop_watch;

struct loop *loop_create(struct error *error);

/* Frees the loop and what watches are left; their descriptors stay open (but for signal and child
 * descriptors). Posts that did not run are dropped, timers that run are stopped; structs with a running timer
 * must still be there. Signals stay blocked. NULL is harmless. */
void loop_free(struct loop *loop);

/* Runs until loop_stop() is called from a handler. Returns false when epoll itself failed. */
bool loop_run(struct loop *loop, struct error *error);
void loop_stop(struct loop *loop);

/* Runs one turn: waits at most `wait_ms` (-1: until something happens) and handles what is ready. */
bool loop_turn(struct loop *loop, int wait_ms, struct error *error);

/* --- descriptors --- */

/* `events` as of epoll (EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR), level-triggered. */
typedef void loop_ready_function(void *context, uint32_t events);

/* The caller keeps owning `fd`. Ends the program when the kernel has no memory for it. */
struct loop_watch *loop_watch_add(struct loop *loop, int fd, uint32_t events, loop_ready_function *on_ready,
                                  void *context);
void loop_watch_change(struct loop_watch *watch, uint32_t events);

/* Call before closing the descriptor. NULL is harmless. */
void loop_watch_remove(struct loop_watch *watch);

/* --- timers --- */

typedef void loop_timer_function(void *context);

/* A value inside the caller's struct; init once, then start and stop as often as needed. */
struct loop_timer {
    struct loop *loop;
    loop_timer_function *on_fire;
    void *context;
    int64_t due_ms;
    size_t heap_index; /* 1-based; 0 = not running */
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_function *on_fire,
                     void *context);

/* Fires once, `delay_ms` from now (at once, but in a later turn, for 0 or less). Starting a running timer
 * moves it. */
void loop_timer_start(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_running(const struct loop_timer *timer);

/* --- signals and children --- */

typedef void loop_signal_function(void *context, int signal_number);

/*
 * Blocks the signal and hands it to the loop. Call before the first thread starts, or another thread would
 * receive it. Spawned programs must get an empty signal mask (posix_spawnattr_setsigmask).
 */
bool loop_signal_add(struct loop *loop, int signal_number, loop_signal_function *on_signal, void *context,
                     struct error *error);

/* `status` as of waitpid(); the child has been reaped. It is never a success when the kernel did not tell. */
typedef void loop_child_function(void *context, pid_t pid, int status);

/* Watches one child of this process through a pidfd, until it exits. On failure the child is the caller's to
 * end and reap. */
bool loop_child_add(struct loop *loop, pid_t pid, loop_child_function *on_exit, void *context,
                    struct error *error);

/* --- other threads --- */

typedef void loop_post_function(void *context);

/* Thread-safe: runs `function` on the loop's thread in one of its next turns, in the order of the posts. The
 * loop must live: threads that post end before loop_free(). */
void loop_post(struct loop *loop, loop_post_function *function, void *context);

/* Drops the posts with this context that did not run yet: for whoever frees the context early. */
void loop_drop_posts(struct loop *loop, const void *context);

#endif
