/*
 * Connecting a socket to its peer, again and again.
 *
 * nng does that by itself, but 1.5.2 (Debian 12) gives up for ever when a peer hangs up in the middle of the
 * handshake: its dialer takes NNG_ECLOSED for the end of our own socket. That happens when a peer is killed:
 * its connections are closed a moment before the socket that it listens at, and who redials at once gets into
 * the queue of a process that is gone. So a socket that has no connection for a while gets a new dialer.
 */
#include "libcommon/ipc/ipc_dial.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_close.h"
#include "libcommon/ipc/ipc_socket.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { RECONNECT_MIN_MS = 50, RECONNECT_MAX_MS = 1000, REDIAL_AFTER_MS = 1500 };

struct ipc_dial {
    struct loop *loop;
    nng_socket socket;
    nng_dialer dialer;
    char url[IPC_URL_BYTES];
    atomic_int pipes; /* counted on threads of nng */
    struct loop_timer redial;
};

/* --- on nng's threads --- */

static void on_lost(void *context);

static void count_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct ipc_dial *dial = context;
    (void)pipe;
    if (event == NNG_PIPE_EV_ADD_POST)
        atomic_fetch_add(&dial->pipes, 1);
    else if (atomic_fetch_sub(&dial->pipes, 1) == 1)
        loop_post(dial->loop, on_lost, dial);
}

/* --- on the loop's thread --- */

static void on_lost(void *context)
{
    struct ipc_dial *dial = context;
    if (!loop_timer_running(&dial->redial))
        loop_timer_start(&dial->redial, REDIAL_AFTER_MS);
}

static int start_dialer(struct ipc_dial *dial)
{
    int code = nng_dialer_create(&dial->dialer, dial->socket, dial->url);
    if (!code)
        code = nng_dialer_set_ms(dial->dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    if (!code)
        code = nng_dialer_set_ms(dial->dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    if (!code)
        code = nng_dialer_start(dial->dialer, NNG_FLAG_NONBLOCK);
    return code;
}

static void on_redial(void *context)
{
    struct ipc_dial *dial = context;
    if (atomic_load(&dial->pipes) > 0)
        return;
    nng_dialer_close(dial->dialer);
    int code = start_dialer(dial);
    if (code)
        log_warn("cannot dial %s: %s", dial->url, nng_strerror(code));
    loop_timer_start(&dial->redial, REDIAL_AFTER_MS);
}

struct ipc_dial *ipc_dial_start(struct loop *loop, nng_socket socket, const char *url, struct error *error)
{
    struct ipc_dial *dial = memory_allocate(sizeof *dial);
    dial->loop = loop;
    dial->socket = socket;
    snprintf(dial->url, sizeof dial->url, "%s", url);
    loop_timer_init(&dial->redial, loop, on_redial, dial);
    int code = nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, count_pipe, dial);
    if (!code)
        code = nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, count_pipe, dial);
    if (!code)
        code = start_dialer(dial);
    if (!code) {
        loop_timer_start(&dial->redial, REDIAL_AFTER_MS);
        return dial;
    }
    ipc_dial_close(dial);
    ipc_set_error(error, code, "cannot dial", url);
    return NULL;
}

void ipc_dial_close(struct ipc_dial *dial)
{
    loop_timer_stop(&dial->redial);
    nng_pipe_notify(dial->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
    nng_pipe_notify(dial->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
    ipc_close_socket(dial->socket);
    loop_drop_posts(dial->loop, dial);
    free(dial);
}
