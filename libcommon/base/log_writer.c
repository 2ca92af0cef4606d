#include "libcommon/base/log_writer.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/standard_error.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum {
    FINISH_MS = 500,
    LAST_NOTICE_MS = 200,
    STILL_MS = 100 /* that nothing moves: nobody reads */
};

static struct {
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t filled;
    pthread_cond_t moved; /* lines were written or lost */
    struct log_queue queue;
    log_notice_function *make_notice; /* NULL: not started */
    bool writing;                     /* lines that are not in the queue any more */
} writer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
            .filled = PTHREAD_COND_INITIALIZER,
            .moved = PTHREAD_COND_INITIALIZER};

/* Behind lines that got through: a notice that cannot be written either leads to no further one. */
static void tell_gap(void)
{
    char notice[LIMIT_LOG_LINE_BYTES];
    uint64_t dropped = log_queue_gap(&writer.queue);
    if (dropped)
        log_queue_put(&writer.queue, LOG_ORIGIN_NODE, notice, writer.make_notice(dropped, notice));
}

static void *run(void *unused)
{
    /* As much as a pipe takes at once: LIMIT_LOG_LINE_BYTES. */
    char lines[LIMIT_LOG_LINE_BYTES];
    (void)unused;
    pthread_mutex_lock(&writer.mutex);
    for (;;) {
        size_t length = log_queue_take(&writer.queue, lines, sizeof lines);
        writer.writing = length > 0;
        pthread_cond_broadcast(&writer.moved);
        if (!length) {
            pthread_cond_wait(&writer.filled, &writer.mutex);
            continue;
        }
        pthread_mutex_unlock(&writer.mutex);
        size_t written = standard_error_write(lines, length);
        pthread_mutex_lock(&writer.mutex);
        if (written == length)
            tell_gap();
        else
            log_queue_lose(&writer.queue, lines + written, length - written);
    }
    return NULL;
}

bool log_writer_start(log_notice_function *make_notice, struct error *error)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code)
        return error_set_errno(error, code, "cannot start the thread that writes the log");
    pthread_detach(thread);
    pthread_mutex_lock(&writer.mutex);
    writer.make_notice = make_notice;
    pthread_mutex_unlock(&writer.mutex);
    return true;
}

void log_writer_put(enum log_origin origin, const char *line, size_t length)
{
    pthread_mutex_lock(&writer.mutex);
    if (writer.make_notice)
        log_queue_put(&writer.queue, origin, line, length);
    else if (standard_error_write_soon(line, length) < length)
        log_queue_lose(&writer.queue, line, length);
    pthread_mutex_unlock(&writer.mutex);
    pthread_cond_signal(&writer.filled);
}

static struct timespec monotonic_in(int64_t wait_ms)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    int64_t ns = moment.tv_nsec + wait_ms * 1000000;
    moment.tv_sec += ns / 1000000000;
    moment.tv_nsec = ns % 1000000000;
    return moment;
}

enum outcome { ALL_WRITTEN, TOO_SLOW, NOTHING_MOVES };

/* A thread of ours that gets no processor is waited for: while there is room somebody reads. */
static enum outcome wait_until_empty(int64_t patience_ms)
{
    int64_t until_ms = clock_boot_ms() + patience_ms;
    while (writer.writing || writer.queue.length) {
        if (clock_boot_ms() >= until_ms)
            return TOO_SLOW;
        struct timespec still = monotonic_in(STILL_MS);
        if (pthread_cond_clockwait(&writer.moved, &writer.mutex, CLOCK_MONOTONIC, &still) != 0 &&
            !standard_error_has_room())
            return NOTHING_MOVES;
    }
    return ALL_WRITTEN;
}

static void drop_all(void)
{
    char lines[LIMIT_LOG_LINE_BYTES];
    size_t length;
    while ((length = log_queue_take(&writer.queue, lines, sizeof lines)))
        log_queue_lose(&writer.queue, lines, length);
    tell_gap();
}

void log_writer_finish(void)
{
    /* Whoever has it for longer writes, or is who calls. */
    struct timespec until = monotonic_in(STILL_MS);
    if (pthread_mutex_clocklock(&writer.mutex, CLOCK_MONOTONIC, &until) != 0)
        return;
    enum outcome outcome = writer.make_notice ? wait_until_empty(FINISH_MS) : ALL_WRITTEN;
    if (outcome != ALL_WRITTEN)
        drop_all();
    /* A reader that is slow, and not away, hears at least how much it missed. */
    if (outcome == TOO_SLOW)
        wait_until_empty(LAST_NOTICE_MS);
    pthread_mutex_unlock(&writer.mutex);
}
