#include "libcommon/ipc/ipc_socket.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/secret.h"
#include "libcommon/files/folder.h"

#include <errno.h>
#include <pthread.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * In place of the C library's, for nng, which sends by it: a peer that hung up is told as a reset connection.
 *
 * To nng 1.5.2 (Debian 12) EPIPE is NNG_ECLOSED, "we closed it ourselves". A peer that goes away in the
 * middle of the handshake, as a killed one does, ends a dialer's tries to connect for ever with that, and a
 * listener's accepting: whoever may reach a socket could silence its service. After a reset both go on.
 */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = syscall(SYS_sendmsg, fd, message, flags);
    if (sent < 0 && errno == EPIPE)
        errno = ECONNRESET;
    return sent;
}

bool ipc_url(const char *runtime_dir, enum service_id owner, const char *folder, char url[IPC_URL_BYTES],
             struct error *error)
{
    enum { PREFIX_BYTES = sizeof "ipc://" - 1, PATH_BYTES = sizeof((struct sockaddr_un *)0)->sun_path };
    int length =
        snprintf(url, IPC_URL_BYTES, "ipc://%s/%s/%s/sock", runtime_dir, service_name(owner), folder);
    if (length >= PREFIX_BYTES + PATH_BYTES)
        return error_set(
            error, ERROR_INVALID,
            "POSEMESH_RUNTIME_DIR is too long for Unix sockets (%s/%s/%s/sock has more than %d bytes)",
            runtime_dir, service_name(owner), folder, PATH_BYTES - 1);
    return true;
}

bool ipc_set_error(struct error *error, int code, const char *what, const char *url)
{
    enum error_code meaning = code == NNG_EADDRINUSE ? ERROR_CONFLICT : ERROR_SYSTEM;
    return error_set(error, meaning, "%s %s: %s", what, url, nng_strerror(code));
}

bool ipc_make_folder(const char *runtime_dir, enum service_id owner, const char *folder, struct error *error)
{
    char path[IPC_URL_BYTES];
    snprintf(path, sizeof path, "%s/%s", runtime_dir, service_name(owner));
    if (!folder_make(runtime_dir, S_IRWXU, error) || !folder_make(path, S_IRWXU, error))
        return false;
    snprintf(path, sizeof path, "%s/%s/%s", runtime_dir, service_name(owner), folder);
    return folder_make(path, S_IRWXU, error);
}

bool ipc_listen(nng_socket socket, const char *url, size_t limit_bytes, struct error *error)
{
    nng_listener listener;
    int code = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, limit_bytes);
    if (!code)
        code = nng_listener_create(&listener, socket, url);
    if (!code)
        code = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
    if (!code)
        code = nng_listener_start(listener, 0);
    return code ? ipc_set_error(error, code, "cannot listen at", url) : true;
}

bool ipc_dial(nng_socket socket, const char *url, struct error *error)
{
    enum { RECONNECT_MIN_MS = 50, RECONNECT_MAX_MS = 1000 };
    nng_dialer dialer;
    int code = nng_dialer_create(&dialer, socket, url);
    if (!code)
        code = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!code)
        code = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!code)
        code = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    return code ? ipc_set_error(error, code, "cannot dial", url) : true;
}

int ipc_make_message(char *bytes, size_t length, nng_msg **message)
{
    int code = nng_msg_alloc(message, length);
    if (!code)
        memcpy(nng_msg_body(*message), bytes, length);
    secret_wipe_bytes(bytes, length);
    free(bytes);
    return code;
}

void ipc_free_message(nng_msg *message)
{
    secret_wipe_bytes(nng_msg_body(message), nng_msg_len(message));
    nng_msg_free(message);
}

/* --- closing --- */

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
