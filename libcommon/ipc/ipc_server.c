/*
 * The serving side: a REP socket for each role, and on it a context of nng for each request, which remembers
 * who gets the answer. So any number of requests can wait for their answers on the loop's one thread. One
 * context at a time receives; the next one does when that one's message has come to the loop, so a peer is
 * read no faster than it is served. (A raw socket would need no contexts, but the queue of nng 1.5.2 behind
 * it keeps a message of a pipe that is already freed: a peer that hangs up in a flood could crash the
 * service.)
 *
 * An aio ends on a thread of nng, which only posts to the loop; there a request is in one of three stages.
 */
#include "libcommon/ipc/ipc_server.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/fatal.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_endpoint.h"
#include "libcommon/ipc/ipc_socket.h"

#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { ANSWERS_QUEUED = 256, REFUSAL_LINE_SPACING_MS = 1000 };

enum stage {
    STAGE_RECEIVING, /* waits for a message; one at most */
    STAGE_PENDING,   /* with its handler */
    STAGE_SENDING,   /* nng has its answer */
    STAGE_COUNT
};

struct ipc_server {
    struct ipc_endpoint endpoint;
    struct ipc *ipc;
    enum role role;
    nng_socket socket;
    const struct ipc_handler *handlers;
    size_t handler_count;
    void *context;
    LIST_HEAD(ipc_requests, ipc_request) requests; /* the latest first */
    size_t counts[STAGE_COUNT];                    /* of requests by their stage */
    _Atomic int64_t next_refusal_line_ms;
};

struct ipc_request {
    struct ipc_server *server;
    enum stage stage;
    nng_ctx context;
    nng_aio *aio;
    const struct operation_info *operation;
    void *decoded;
    ipc_answered_function *on_answered; /* NULL: nobody is told */
    void *answered_context;
    int64_t answered_number;
    LIST_ENTRY(ipc_request) others; /* of the server */
};

/* One line a second for each socket: a peer that sends rubbish in a loop must not fill the disk with our log.
 * Thread-safe; two lines at once do no harm. */
static bool may_log_refusal(struct ipc_server *server)
{
    int64_t now_ms = clock_boot_ms();
    if (now_ms < atomic_load(&server->next_refusal_line_ms))
        return false;
    atomic_store(&server->next_refusal_line_ms, now_ms + REFUSAL_LINE_SPACING_MS);
    return true;
}

/* Runs on a thread of nng, before the pipe may carry a byte. */
static void check_peer(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct ipc_server *server = context;
    uint64_t uid = UINT64_MAX;
    (void)event;
    int code = nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid);
    if (code == 0 && ipc_peers_allow(&server->ipc->peers, server->role, (uid_t)uid))
        return;
    if (may_log_refusal(server))
        log_warn("refused uid %llu at %s/%s", (unsigned long long)uid,
                 service_name(role_infos[server->role].owner), role_infos[server->role].folder);
    nng_pipe_close(pipe);
}

/* --- stages --- */

static void on_stage_done(void *opaque);

/* On a thread of nng. */
static void on_aio_done(void *context)
{
    struct ipc_request *request = context;
    loop_post(request->server->ipc->loop, on_stage_done, request);
}

/* The list is in the order in which the requests came to their stages, the latest first. */
static void set_stage(struct ipc_request *request, enum stage stage)
{
    size_t *counts = request->server->counts;
    counts[request->stage]--;
    counts[stage]++;
    request->stage = stage;
    LIST_REMOVE(request, others);
    LIST_INSERT_HEAD(&request->server->requests, request, others);
}

/* The message of an aio is ours when it was received and not taken, or could not be sent. */
static void drop_message(struct ipc_request *request)
{
    bool received = nng_aio_result(request->aio) == 0;
    nng_msg *left = received == (request->stage == STAGE_RECEIVING) ? nng_aio_get_msg(request->aio) : NULL;
    nng_aio_set_msg(request->aio, NULL);
    if (left)
        ipc_free_message(left);
}

/* Also in the middle of a stage: no post of it comes any more. */
static void request_free(struct ipc_request *request)
{
    if (request->aio) {
        nng_aio_stop(request->aio);
        loop_drop_posts(request->server->ipc->loop, request);
        if (request->stage != STAGE_PENDING)
            drop_message(request);
        nng_ctx_close(request->context);
        nng_aio_free(request->aio);
    }
    request->server->counts[request->stage]--;
    if (request->decoded)
        message_clear(request->operation->request, request->decoded);
    free(request->decoded);
    LIST_REMOVE(request, others);
    free(request);
}

static int receive(struct ipc_server *server)
{
    struct ipc_request *request = memory_allocate(sizeof *request);
    *request = (struct ipc_request){.server = server};
    LIST_INSERT_HEAD(&server->requests, request, others);
    server->counts[request->stage]++;
    int code = nng_ctx_open(&request->context, server->socket);
    if (!code)
        code = nng_aio_alloc(&request->aio, on_aio_done, request);
    if (code) {
        request_free(request);
        return code;
    }
    nng_aio_set_timeout(request->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(request->context, request->aio);
    return 0;
}

/* --- answers --- */

static void log_form(const char *what, const struct message_type *type, const void *message)
{
    char *form = log_enabled(LOG_LEVEL_DEBUG) ? message_log_form(type, message) : NULL;
    if (form)
        log_debug("%s %s", what, form);
    free(form);
}

/* Of answers that peers do not read the one that was given first is given up. */
static void bound_sending(const struct ipc_server *server)
{
    struct ipc_request *oldest = NULL;
    if (server->counts[STAGE_SENDING] <= ANSWERS_QUEUED)
        return;
    for (struct ipc_request *at = LIST_FIRST(&server->requests); at; at = LIST_NEXT(at, others))
        if (at->stage == STAGE_SENDING)
            oldest = at;
    request_free(oldest);
}

/* The encoded answer; a failure in its place when it cannot be sent, so that the caller need not wait for its
 * deadline. */
static nng_msg *encode_answer(const struct ipc_request *request, const struct message_type *type,
                              const void *answer)
{
    struct error error;
    nng_msg *message = ipc_encode(type, answer, LIMIT_MESSAGE_BYTES, &error);
    if (message)
        return message;
    log_error("cannot answer %s: %s", request->operation ? request->operation->name : "a request",
              error.text);
    char code[] = "system";
    char text[] = "the answer breaks its own limits";
    const struct message_failure failure = {.code = code, .text = text};
    return ipc_encode(&message_failure_type, &failure, LIMIT_MESSAGE_BYTES, &error);
}

/* The request is nng's after it; what was asked is forgotten now. */
static void send_answer(struct ipc_request *request, const struct message_type *type, const void *answer)
{
    nng_msg *message = encode_answer(request, type, answer);
    log_form("answer", type, answer);
    /* nng drops an answer whose peer is gone. */
    set_stage(request, STAGE_SENDING);
    if (request->on_answered)
        request->on_answered(request->answered_context, request->answered_number);
    nng_aio_set_msg(request->aio, message);
    nng_ctx_send(request->context, request->aio);
    bound_sending(request->server);
}

void ipc_on_answered(struct ipc_request *request, ipc_answered_function *on_answered, void *context,
                     int64_t number)
{
    request->on_answered = on_answered;
    request->answered_context = context;
    request->answered_number = number;
}

void ipc_answer(struct ipc_request *request, const void *answer)
{
    send_answer(request, request->operation->answer, answer);
}

void ipc_answer_done(struct ipc_request *request)
{
    const struct message_done done = {0};
    ipc_answer(request, &done);
}

void ipc_fail(struct ipc_request *request, const struct error *error)
{
    struct message_failure failure = {.code = memory_copy_text(error_code_name(error->code)),
                                      .text = memory_copy_text(error->text),
                                      .status = error->status};
    send_answer(request, &message_failure_type, &failure);
    message_clear(&message_failure_type, &failure);
}

/* --- requests --- */

static const struct ipc_handler *find_handler(const struct ipc_server *server, const char *name)
{
    for (size_t i = 0; name && i < server->handler_count; i++)
        if (strcmp(operation_infos[server->handlers[i].operation].name, name) == 0)
            return &server->handlers[i];
    return NULL;
}

static bool decode_request(struct ipc_request *request, const struct ipc_handler *handler, nng_msg *message,
                           struct error *error)
{
    size_t length = nng_msg_len(message);
    request->operation = &operation_infos[handler->operation];
    if (length > request->operation->request_limit_bytes)
        return error_set(error, ERROR_TOO_LARGE, "%s has %zu bytes, the limit is %zu",
                         request->operation->name, length, request->operation->request_limit_bytes);
    request->decoded = memory_allocate(request->operation->request->struct_bytes);
    return message_decode(request->operation->request, request->decoded, nng_msg_body(message), length,
                          error);
}

/* Which task's job asks; NULL where no job does, and for what is not about a task. */
static const struct secret *asking_task(const struct ipc_request *request)
{
    bool from_jobs = (role_infos[request->server->role].callers & RUNNERD_BIT) != 0;
    const struct message_field *first = request->operation->request->fields();
    bool has_key = first->name && first->kind == MESSAGE_KIND_secret && strcmp(first->name, "task_key") == 0;
    return from_jobs && has_key ? (const void *)((const char *)request->decoded + first->offset) : NULL;
}

/* Right for any key, of a task or not: each has its own places. */
static bool task_has_room(const struct ipc_request *request)
{
    const struct secret *key = asking_task(request);
    size_t held = 0;
    if (!key)
        return true;
    for (const struct ipc_request *at = LIST_FIRST(&request->server->requests); at;
         at = LIST_NEXT(at, others)) {
        bool pending = at != request && at->stage == STAGE_PENDING && at->decoded;
        const struct secret *other = pending ? asking_task(at) : NULL;
        held += other && secret_equal(other, key);
    }
    return held < LIMIT_PENDING_TASK_REQUESTS;
}

/* Its handler, once what is asked is decoded; NULL for a request that is refused. */
static const struct ipc_handler *accept_request(struct ipc_request *request, nng_msg *message,
                                                struct error *error)
{
    const struct ipc_server *server = request->server;
    char name_bytes[MESSAGE_NAME_BYTES];
    const char *name = message_peek_name(nng_msg_body(message), nng_msg_len(message), name_bytes);
    const struct ipc_handler *handler = find_handler(server, name);
    if (!handler)
        error_set(error, ERROR_FORBIDDEN, "no operation '%s' at %s/%s", name ? name : "(no message)",
                  service_name(role_infos[server->role].owner), role_infos[server->role].folder);
    else if (server->counts[STAGE_PENDING] > LIMIT_PENDING_REQUESTS)
        error_set(error, ERROR_UNAVAILABLE, "too many requests wait for an answer");
    else if (decode_request(request, handler, message, error)) {
        if (task_has_room(request))
            return handler;
        error_set(error, ERROR_UNAVAILABLE, "too many requests of the task wait for an answer");
    }
    return NULL;
}

static void handle_message(struct ipc_request *request, nng_msg *message)
{
    struct error error;
    struct ipc_server *server = request->server;
    const struct ipc_handler *handler = accept_request(request, message, &error);
    ipc_free_message(message);
    if (!handler) {
        if (may_log_refusal(server))
            log_warn("refused a request: %s", error.text);
        ipc_fail(request, &error);
        return;
    }
    log_form("request", request->operation->request, request->decoded);
    handler->handle(server->context, request, request->decoded);
}

static void on_received(struct ipc_request *request)
{
    struct ipc_server *server = request->server;
    nng_msg *message = nng_aio_get_msg(request->aio);
    nng_aio_set_msg(request->aio, NULL);
    set_stage(request, STAGE_PENDING);
    int code = receive(server);
    if (code)
        fatal_stop("cannot receive requests any more: %s", nng_strerror(code));
    handle_message(request, message);
}

static void on_stage_done(void *opaque)
{
    struct ipc_request *request = opaque;
    int code = nng_aio_result(request->aio);
    if (request->stage == STAGE_RECEIVING && code == 0) {
        on_received(request);
        return;
    }
    if (code)
        log_warn("%s: %s", request->stage == STAGE_SENDING ? "an answer got lost" : "cannot receive requests",
                 nng_strerror(code));
    request_free(request);
}

/* --- life --- */

static size_t largest_request_bytes(const struct ipc_handler *handlers, size_t count)
{
    size_t limit = 0;
    for (size_t i = 0; i < count; i++)
        if (operation_infos[handlers[i].operation].request_limit_bytes > limit)
            limit = operation_infos[handlers[i].operation].request_limit_bytes;
    return limit;
}

static bool server_open(struct ipc_server *server, struct error *error)
{
    char url[IPC_URL_BYTES];
    const struct role_info *role = &role_infos[server->role];
    const char *runtime_dir = server->ipc->runtime_dir;
    if (!ipc_url(runtime_dir, role->owner, role->folder, url, error) ||
        !ipc_make_folder(runtime_dir, role->owner, role->folder, error))
        return false;
    int code = nng_rep0_open(&server->socket);
    if (!code)
        code = nng_pipe_notify(server->socket, NNG_PIPE_EV_ADD_PRE, check_peer, server);
    if (code)
        return ipc_set_error(error, code, "cannot set up", url);
    size_t limit = largest_request_bytes(server->handlers, server->handler_count);
    if (!ipc_listen(server->socket, url, limit, role->connections_max, error))
        return false;
    code = receive(server);
    return code ? ipc_set_error(error, code, "cannot receive at", url) : true;
}

static void server_free(struct ipc_endpoint *endpoint)
{
    struct ipc_server *server = (struct ipc_server *)endpoint;
    for (struct ipc_request *request = LIST_FIRST(&server->requests), *next; request; request = next) {
        next = LIST_NEXT(request, others);
        request_free(request);
    }
    ipc_close_socket(server->socket);
    free(server);
}

bool ipc_serve(struct ipc *ipc, enum role role, const struct ipc_handler *handlers, size_t handler_count,
               void *context, struct error *error)
{
    struct ipc_server *server = memory_allocate(sizeof *server);
    *server = (struct ipc_server){
        .ipc = ipc, .role = role, .handlers = handlers, .handler_count = handler_count, .context = context};
    if (!server_open(server, error)) {
        server_free(&server->endpoint);
        return false;
    }
    ipc_endpoint_attach(ipc, &server->endpoint, server_free);
    return true;
}
