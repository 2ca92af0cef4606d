/* The part of ipc_socket.h that closes. */
#include "libcommon/ipc/ipc_socket.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

#include <pthread.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#include <stdlib.h>
#include <time.h>

/*
 * nng 1.5.2 (Debian 12) can wait for ever in nng_close(): when its end of a pipe is closed between reading a
 * message's head and its body, the read of the body is dropped without a word, and the thread that takes
 * closed pipes apart waits for it (nng issues 1543 and 1813, mended upstream in 1.8). A service must end
 * within two seconds, so the closing has a thread of its own, which is left to itself when it takes too long:
 * by then the listener is gone and the peers are hung up on, and what stays is memory of a process that ends.
 */
enum { CLOSE_PATIENCE_MS = 500 };

#ifdef __SANITIZE_ADDRESS__
/* What the leak check of sanitizer builds leaves out: nng forgets a message that arrives while its pipe
 * closes (xrep0_pipe_recv_cb puts it on an aio that has stopped). Its frames have no symbols in Debian, so
 * the library as a whole is named; messages that we make are still checked under valgrind, whose suppression
 * is narrower. Built in, as the check comes at the end, where a confined service can read no file with it. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so\n";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* Owned by whoever is last: the closing thread when it was left to itself, else the one that waits. */
struct closing {
    nng_socket socket;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closed;
    bool left;
};

static void closing_free(struct closing *closing)
{
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->lock);
    free(closing);
}

static void *close_socket(void *context)
{
    struct closing *closing = context;
    nng_close(closing->socket);
    pthread_mutex_lock(&closing->lock);
    closing->closed = true;
    bool left = closing->left;
    pthread_cond_signal(&closing->changed);
    pthread_mutex_unlock(&closing->lock);
    if (left)
        closing_free(closing);
    return NULL;
}

static struct timespec patience_end(void)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += CLOSE_PATIENCE_MS * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    return end;
}

static bool wait_until_closed(struct closing *closing)
{
    const struct timespec end = patience_end();
    pthread_mutex_lock(&closing->lock);
    while (!closing->closed &&
           pthread_cond_clockwait(&closing->changed, &closing->lock, CLOCK_MONOTONIC, &end) == 0)
        continue;
    bool closed = closing->closed;
    closing->left = !closed;
    pthread_mutex_unlock(&closing->lock);
    return closed;
}

void ipc_close_socket(nng_socket socket)
{
    pthread_t thread;
    struct closing *closing = memory_allocate(sizeof *closing);
    *closing = (struct closing){.socket = socket};
    pthread_mutex_init(&closing->lock, NULL);
    pthread_cond_init(&closing->changed, NULL);
    nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, NULL, NULL);
    if (pthread_create(&thread, NULL, close_socket, closing) != 0) {
        closing_free(closing);
        return;
    }
    if (wait_until_closed(closing)) {
        pthread_join(thread, NULL);
        closing_free(closing);
    } else {
        pthread_detach(thread);
        log_debug("nng did not close a socket within %d ms", CLOSE_PATIENCE_MS);
    }
}
