#include "libcommon/loop/loop.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/fatal.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/saturate.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 64, POSTS_PER_TURN = 256, SIGNALS_MAX = 65, WAIT_MAX_MS = 3600000 };

struct loop_watch {
    struct loop *loop;
    int fd;
    loop_ready_function *on_ready; /* NULL once removed */
    void *context;
    LIST_ENTRY(loop_watch) others; /* of all watches, or of removed ones */
};

struct signal_handler {
    loop_signal_function *on_signal;
    void *context;
};

struct post {
    loop_post_function *function;
    void *context;
    TAILQ_ENTRY(post) others;
};

struct child {
    struct loop_watch *watch;
    int pid_fd;
    pid_t pid;
    loop_child_function *on_exit;
    void *context;
    LIST_ENTRY(child) others;
};

struct loop {
    int epoll_fd;
    bool stopped;
    LIST_HEAD(watches, loop_watch) watches;
    LIST_HEAD(removed_watches, loop_watch) removed; /* freed when the turn ends: its events may name them */
    LIST_HEAD(children, child) children;

    struct loop_timer **heap; /* heap[1] is due first */
    size_t heap_count;
    size_t heap_capacity;

    int signal_fd;
    sigset_t signals;
    struct signal_handler signal_handlers[SIGNALS_MAX];

    int post_fd;
    pthread_mutex_t post_lock;
    TAILQ_HEAD(posts, post) posts;
};

/* --- descriptors --- */

/* A descriptor that nobody watches would be a peer that is never answered. */
static void tell_epoll(struct loop *loop, int operation, int fd, struct epoll_event *event)
{
    if (epoll_ctl(loop->epoll_fd, operation, fd, event) != 0)
        fatal_stop("the event loop cannot watch descriptor %d: %s", fd, strerror(errno));
}

struct loop_watch *loop_watch_add(struct loop *loop, int fd, uint32_t events, loop_ready_function *on_ready,
                                  void *context)
{
    struct loop_watch *watch = memory_allocate(sizeof *watch);
    *watch = (struct loop_watch){.loop = loop, .fd = fd, .on_ready = on_ready, .context = context};
    struct epoll_event event = {.events = events, .data.ptr = watch};
    tell_epoll(loop, EPOLL_CTL_ADD, fd, &event);
    LIST_INSERT_HEAD(&loop->watches, watch, others);
    return watch;
}

void loop_watch_change(struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    tell_epoll(watch->loop, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_watch_remove(struct loop_watch *watch)
{
    if (!watch)
        return;
    assert(watch->on_ready);
    struct loop *loop = watch->loop;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->on_ready = NULL;
    LIST_REMOVE(watch, others);
    LIST_INSERT_HEAD(&loop->removed, watch, others);
}

static void free_removed_watches(struct loop *loop)
{
    while (!LIST_EMPTY(&loop->removed)) {
        struct loop_watch *watch = LIST_FIRST(&loop->removed);
        LIST_REMOVE(watch, others);
        free(watch);
    }
}

/* --- timers: a binary heap that knows each timer's place, so that stopping one is cheap --- */

static void heap_place(struct loop *loop, size_t index, struct loop_timer *timer)
{
    loop->heap[index] = timer;
    timer->heap_index = index;
}

static void heap_move_up(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    while (index > 1 && loop->heap[index / 2]->due_ms > timer->due_ms) {
        heap_place(loop, index, loop->heap[index / 2]);
        index /= 2;
    }
    heap_place(loop, index, timer);
}

static void heap_move_down(struct loop *loop, size_t index)
{
    struct loop_timer *timer = loop->heap[index];
    for (;;) {
        size_t child = 2 * index;
        if (child > loop->heap_count)
            break;
        if (child < loop->heap_count && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
            child++;
        if (loop->heap[child]->due_ms >= timer->due_ms)
            break;
        heap_place(loop, index, loop->heap[child]);
        index = child;
    }
    heap_place(loop, index, timer);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_function *on_fire, void *context)
{
    *timer = (struct loop_timer){.loop = loop, .on_fire = on_fire, .context = context};
}

bool loop_timer_running(const struct loop_timer *timer)
{
    return timer->heap_index != 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (!loop_timer_running(timer))
        return;
    struct loop *loop = timer->loop;
    size_t index = timer->heap_index;
    struct loop_timer *last = loop->heap[loop->heap_count--];
    timer->heap_index = 0;
    if (last == timer)
        return;
    heap_place(loop, index, last);
    heap_move_up(loop, index);
    heap_move_down(loop, last->heap_index);
}

void loop_timer_start(struct loop_timer *timer, int64_t delay_ms)
{
    struct loop *loop = timer->loop;
    loop_timer_stop(timer);
    if (loop->heap_count + 2 > loop->heap_capacity) {
        loop->heap_capacity = loop->heap_capacity ? 2 * loop->heap_capacity : 32;
        loop->heap = memory_resize_array(loop->heap, loop->heap_capacity, sizeof(struct loop_timer *));
    }
    timer->due_ms = saturate_add(clock_boot_ms(), delay_ms > 0 ? delay_ms : 0);
    heap_place(loop, ++loop->heap_count, timer);
    heap_move_up(loop, timer->heap_index);
}

/* Timers that handlers start while we fire wait for the next turn, so that a timer of 0 ms cannot starve the
 * rest. */
static void fire_due_timers(struct loop *loop)
{
    int64_t now_ms = clock_boot_ms();
    size_t bound = loop->heap_count;
    while (bound-- && loop->heap_count && loop->heap[1]->due_ms <= now_ms) {
        struct loop_timer *timer = loop->heap[1];
        loop_timer_stop(timer);
        timer->on_fire(timer->context);
    }
}

static int wait_until_timer_ms(const struct loop *loop, int wait_ms)
{
    if (!loop->heap_count)
        return wait_ms;
    int64_t left_ms = loop->heap[1]->due_ms - clock_boot_ms();
    if (left_ms < 0)
        left_ms = 0;
    if (wait_ms < 0 || left_ms < wait_ms)
        return left_ms > WAIT_MAX_MS ? WAIT_MAX_MS : (int)left_ms;
    return wait_ms;
}

/* --- signals --- */

static void on_signal_ready(void *context, uint32_t events)
{
    struct loop *loop = context;
    (void)events;
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo >= SIGNALS_MAX)
            continue;
        const struct signal_handler *handler = &loop->signal_handlers[info.ssi_signo];
        if (handler->on_signal)
            handler->on_signal(handler->context, (int)info.ssi_signo);
    }
}

bool loop_signal_add(struct loop *loop, int signal_number, loop_signal_function *on_signal, void *context,
                     struct error *error)
{
    assert(signal_number > 0 && signal_number < SIGNALS_MAX);
    sigaddset(&loop->signals, signal_number);
    if (pthread_sigmask(SIG_BLOCK, &loop->signals, NULL) != 0)
        return error_set(error, ERROR_SYSTEM, "cannot block signal %d", signal_number);
    int fd = signalfd(loop->signal_fd, &loop->signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot receive signal %d", signal_number);
    if (loop->signal_fd < 0) {
        loop->signal_fd = fd;
        loop_watch_add(loop, fd, EPOLLIN, on_signal_ready, loop);
    }
    loop->signal_handlers[signal_number] =
        (struct signal_handler){.on_signal = on_signal, .context = context};
    return true;
}

/* --- children --- */

static void child_free(struct child *child)
{
    loop_watch_remove(child->watch);
    close(child->pid_fd);
    LIST_REMOVE(child, others);
    free(child);
}

static void on_child_ready(void *context, uint32_t events)
{
    struct child *child = context;
    (void)events;
    int status = 0;
    pid_t reaped = waitpid(child->pid, &status, WNOHANG);
    if (reaped == 0 || (reaped < 0 && errno == EINTR))
        return;
    /* Somebody else reaped it: what is not known must not look like success. */
    if (reaped < 0)
        status = SIGKILL;
    struct child ended = *child;
    child_free(child);
    ended.on_exit(ended.context, ended.pid, status);
}

bool loop_child_add(struct loop *loop, pid_t pid, loop_child_function *on_exit, void *context,
                    struct error *error)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd < 0)
        return error_set_errno(error, errno, "cannot watch process %d", (int)pid);
    struct child *child = memory_allocate(sizeof *child);
    *child = (struct child){.pid_fd = pid_fd, .pid = pid, .on_exit = on_exit, .context = context};
    child->watch = loop_watch_add(loop, pid_fd, EPOLLIN, on_child_ready, child);
    LIST_INSERT_HEAD(&loop->children, child, others);
    return true;
}

/* --- other threads --- */

void loop_post(struct loop *loop, loop_post_function *function, void *context)
{
    struct post *post = memory_allocate(sizeof *post);
    *post = (struct post){.function = function, .context = context};
    pthread_mutex_lock(&loop->post_lock);
    TAILQ_INSERT_TAIL(&loop->posts, post, others);
    pthread_mutex_unlock(&loop->post_lock);
    eventfd_write(loop->post_fd, 1);
}

/* The first post, which the caller frees; NULL when there is none. */
static struct post *take_post(struct loop *loop)
{
    pthread_mutex_lock(&loop->post_lock);
    struct post *post = TAILQ_FIRST(&loop->posts);
    if (post)
        TAILQ_REMOVE(&loop->posts, post, others);
    pthread_mutex_unlock(&loop->post_lock);
    return post;
}

/* One after the other, so that a handler can drop a post behind it; a bound for one turn, so that posts that
 * post again do not keep timers and sockets waiting. */
static void on_post_ready(void *context, uint32_t events)
{
    struct loop *loop = context;
    eventfd_t count;
    (void)events;
    eventfd_read(loop->post_fd, &count);
    for (int i = 0; i < POSTS_PER_TURN; i++) {
        struct post *post = take_post(loop);
        if (!post)
            return;
        post->function(post->context);
        free(post);
    }
    eventfd_write(loop->post_fd, 1);
}

void loop_drop_posts(struct loop *loop, const void *context)
{
    pthread_mutex_lock(&loop->post_lock);
    for (struct post *post = TAILQ_FIRST(&loop->posts), *next; post; post = next) {
        next = TAILQ_NEXT(post, others);
        if (post->context == context) {
            TAILQ_REMOVE(&loop->posts, post, others);
            free(post);
        }
    }
    pthread_mutex_unlock(&loop->post_lock);
}

/* --- life --- */

struct loop *loop_create(struct error *error)
{
    struct loop *loop = memory_allocate(sizeof *loop);
    /* With SIGCHLD ignored, as a careless parent may hand it down, the kernel reaps children and their exit
     * status is lost: a failed job would look like a good one. */
    signal(SIGCHLD, SIG_DFL);
    loop->signal_fd = -1;
    sigemptyset(&loop->signals);
    TAILQ_INIT(&loop->posts);
    pthread_mutex_init(&loop->post_lock, NULL);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->post_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd < 0 || loop->post_fd < 0) {
        error_set_errno(error, errno, "cannot create the event loop");
        loop_free(loop);
        return NULL;
    }
    loop_watch_add(loop, loop->post_fd, EPOLLIN, on_post_ready, loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    for (struct child *child = LIST_FIRST(&loop->children), *next; child; child = next) {
        next = LIST_NEXT(child, others);
        child_free(child);
    }
    while (!LIST_EMPTY(&loop->watches))
        loop_watch_remove(LIST_FIRST(&loop->watches));
    free_removed_watches(loop);
    for (struct post *post = take_post(loop); post; post = take_post(loop))
        free(post);
    for (size_t i = 1; i <= loop->heap_count; i++)
        loop->heap[i]->heap_index = 0;
    free(loop->heap);
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
    close(loop->post_fd);
    close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->post_lock);
    free(loop);
}

bool loop_turn(struct loop *loop, int wait_ms, struct error *error)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, wait_until_timer_ms(loop, wait_ms));
    if (count < 0 && errno != EINTR)
        return error_set_errno(error, errno, "the event loop cannot wait");
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        if (watch->on_ready)
            watch->on_ready(watch->context, events[i].events);
    }
    fire_due_timers(loop);
    free_removed_watches(loop);
    return true;
}

bool loop_run(struct loop *loop, struct error *error)
{
    loop->stopped = false;
    while (!loop->stopped)
        if (!loop_turn(loop, -1, error))
            return false;
    return true;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
