/*
 * The calling side: one REQ socket for each role, one context and one aio for each call in flight.
 *
 * An aio ends on a thread of nng; there we only start the receive after the send, or post to the loop.
 * Everything else happens on the loop's thread: a call is freed by its post alone, so a deadline or a cancel
 * first aborts the aio and lets that post come.
 */
#include "libcommon/ipc/ipc_client.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_endpoint.h"
#include "libcommon/ipc/ipc_socket.h"

#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/*
 * Only a peer that comes back is to get a request again: a timed resend would run slow handlers twice. A time
 * that never comes says so; "infinite" would mean to nng that a request fails when its peer goes away.
 */
enum { RESEND_MS = 10 * 24 * 3600 * 1000, ABORT_AGAIN_MS = 20 };

struct ipc_client {
    struct ipc_endpoint endpoint;
    struct ipc *ipc;
    enum role role;
    nng_socket socket;
    LIST_HEAD(ipc_calls, ipc_call) calls;
};

struct ipc_call {
    struct ipc_client *client;
    const struct operation_info *operation;
    nng_ctx context;
    nng_aio *aio;
    bool receiving; /* which half of the exchange the aio is in; nng's thread alone writes it while the aio
                       runs */
    bool started;
    bool timed_out;
    struct loop_timer deadline;
    ipc_answer_function *on_answer; /* NULL once cancelled */
    void *answer_context;
    struct error failure; /* of a call that could not be started */
    LIST_ENTRY(ipc_call) others;
};

static void finish_call(void *context);

/* --- on nng's threads --- */

static void on_aio_done(void *context)
{
    struct ipc_call *call = context;
    if (nng_aio_result(call->aio) == 0 && !call->receiving) {
        call->receiving = true;
        nng_ctx_recv(call->context, call->aio);
        return;
    }
    loop_post(call->client->ipc->loop, finish_call, call);
}

/* --- on the loop's thread --- */

static void call_free(struct ipc_call *call)
{
    loop_timer_stop(&call->deadline);
    if (call->aio) {
        nng_aio_stop(call->aio);
        /* A message is ours when its send failed, or when it was received and nobody took it. */
        bool ours = (nng_aio_result(call->aio) != 0) != call->receiving;
        nng_msg *left = ours ? nng_aio_get_msg(call->aio) : NULL;
        if (left)
            ipc_free_message(left);
        nng_aio_free(call->aio);
    }
    if (call->started)
        nng_ctx_close(call->context);
    LIST_REMOVE(call, others);
    free(call);
}

/* The answer in the message that has come; false with the failure that came in its place. */
static bool decode_answer(const struct operation_info *operation, void *answer, nng_msg *message,
                          struct error *error)
{
    const void *bytes = nng_msg_body(message);
    size_t length = nng_msg_len(message);
    struct message_failure failure;
    char name_bytes[MESSAGE_NAME_BYTES];
    const char *name = message_peek_name(bytes, length, name_bytes);
    if (!name || strcmp(name, message_failure_type.name) != 0)
        return message_decode(operation->answer, answer, bytes, length, error) ||
               error_prefix(error, "answer to %s", operation->name);
    if (!message_decode(&message_failure_type, &failure, bytes, length, error))
        return false;
    error_set(error, error_code_from_name(failure.code), "%s", failure.text);
    error->status = (int)failure.status;
    message_clear(&message_failure_type, &failure);
    return false;
}

static bool take_answer(const struct ipc_call *call, void *answer, struct error *error)
{
    if (call->failure.code != ERROR_NONE) {
        *error = call->failure;
        return false;
    }
    const char *owner = service_name(role_infos[call->client->role].owner);
    int code = nng_aio_result(call->aio);
    if (code && call->timed_out)
        return error_set(error, ERROR_TIMEOUT, "%s did not answer %s in time", owner, call->operation->name);
    if (code)
        return error_set(error, ERROR_UNAVAILABLE, "%s to %s failed: %s", call->operation->name, owner,
                         nng_strerror(code));
    return decode_answer(call->operation, answer, nng_aio_get_msg(call->aio), error);
}

static void finish_call(void *context)
{
    struct ipc_call *call = context;
    if (call->on_answer) {
        struct error error;
        void *answer = memory_allocate(call->operation->answer->struct_bytes);
        bool ok = take_answer(call, answer, &error);
        call->on_answer(call->answer_context, ok ? answer : NULL, ok ? NULL : &error);
        message_clear(call->operation->answer, answer);
        free(answer);
    }
    call_free(call);
}

/*
 * Aborting reaches an aio that waits. When its send has just ended and its receive has not begun, there is
 * nothing to abort and the receive would wait for ever: so again and again until the call's post has come.
 */
static void abort_call(struct ipc_call *call)
{
    if (!call->started)
        return;
    nng_aio_cancel(call->aio);
    loop_timer_start(&call->deadline, ABORT_AGAIN_MS);
}

static void on_deadline(void *context)
{
    struct ipc_call *call = context;
    call->timed_out = true;
    abort_call(call);
}

/* The peer's socket hangs up on what is above the limit: this client's other calls would suffer with it. */
static bool call_start(struct ipc_call *call, const void *request, struct error *error)
{
    nng_msg *message =
        ipc_encode(call->operation->request, request, call->operation->request_limit_bytes, error);
    if (!message)
        return false;
    int code = nng_aio_alloc(&call->aio, on_aio_done, call);
    if (!code)
        code = nng_ctx_open(&call->context, call->client->socket);
    call->started = code == 0;
    if (code) {
        ipc_free_message(message);
        return ipc_set_error(error, code, "cannot send", call->operation->name);
    }
    nng_aio_set_timeout(call->aio, NNG_DURATION_INFINITE);
    nng_aio_set_msg(call->aio, message);
    nng_ctx_send(call->context, call->aio);
    return true;
}

struct ipc_call *ipc_send(struct ipc_client *client, enum operation operation, const void *request,
                          int64_t deadline_ms, ipc_answer_function *on_answer, void *context)
{
    struct ipc_call *call = memory_allocate(sizeof *call);
    *call = (struct ipc_call){.client = client,
                              .operation = &operation_infos[operation],
                              .on_answer = on_answer,
                              .answer_context = context};
    LIST_INSERT_HEAD(&client->calls, call, others);
    loop_timer_init(&call->deadline, client->ipc->loop, on_deadline, call);
    if (!call_start(call, request, &call->failure)) {
        loop_post(client->ipc->loop, finish_call, call);
        return call;
    }
    if (!deadline_ms)
        deadline_ms = call->operation->deadline_ms;
    if (deadline_ms)
        loop_timer_start(&call->deadline, deadline_ms);
    return call;
}

void ipc_cancel(struct ipc_call *call)
{
    if (!call)
        return;
    call->on_answer = NULL;
    abort_call(call);
}

/* --- life --- */

static void client_free(struct ipc_endpoint *endpoint)
{
    struct ipc_client *client = (struct ipc_client *)endpoint;
    for (struct ipc_call *call = LIST_FIRST(&client->calls), *next; call; call = next) {
        next = LIST_NEXT(call, others);
        /* Once the aio has stopped no more posts come; the one that may wait would name a freed call. */
        if (call->aio)
            nng_aio_stop(call->aio);
        loop_drop_posts(client->ipc->loop, call);
        call_free(call);
    }
    ipc_close_socket(client->socket);
    free(client);
}

struct ipc_client *ipc_client_create(struct ipc *ipc, enum role role, struct error *error)
{
    char url[IPC_URL_BYTES];
    if (!ipc_url(ipc->runtime_dir, role_infos[role].owner, role_infos[role].folder, url, error))
        return NULL;
    struct ipc_client *client = memory_allocate(sizeof *client);
    *client = (struct ipc_client){.ipc = ipc, .role = role};
    int code = nng_req0_open(&client->socket);
    if (!code)
        code = nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
    if (!code)
        code = nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, LIMIT_MESSAGE_BYTES);
    bool ok = code ? ipc_set_error(error, code, "cannot set up", url) : ipc_dial(client->socket, url, error);
    if (!ok) {
        client_free(&client->endpoint);
        return NULL;
    }
    ipc_endpoint_attach(ipc, &client->endpoint, client_free);
    return client;
}
