/*
 * The serving side: a raw REP socket for each role. Raw, because a request's header (who gets the answer) is
 * then ours to keep: any number of requests can wait for their answers on the loop's one thread, without nng
 * contexts.
 */
#include "libcommon/ipc.h"

#include "libcommon/clock.h"
#include "libcommon/ipc_internal.h"
#include "libcommon/ipc_peers.h"
#include "libcommon/limits.h"
#include "libcommon/log.h"
#include "libcommon/memory.h"

#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { ANSWERS_QUEUED = 256, REQUESTS_PER_TURN = 64, REFUSAL_LINE_SPACING_MS = 1000 };

struct ipc_server {
    struct ipc *ipc;
    enum role role;
    nng_socket socket;
    struct loop_watch *watch;
    const struct ipc_handler *handlers;
    size_t handler_count;
    void *context;
    struct ipc_request *requests; /* those not answered yet */
    size_t request_count;
    _Atomic int64_t next_refusal_line_ms;
    struct ipc_server *next;
};

struct ipc_request {
    struct ipc_server *server;
    nng_msg
        *message; /* kept for its header: the pipe that it came by and the caller's number, the way back */
    const struct operation_info *operation;
    void *decoded;
    struct ipc_request *next;
    struct ipc_request **link;
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

/* --- requests --- */

static struct ipc_request *request_create(struct ipc_server *server, nng_msg *message)
{
    struct ipc_request *request = memory_allocate(sizeof *request);
    *request = (struct ipc_request){.server = server, .message = message, .next = server->requests};
    request->link = &server->requests;
    if (request->next)
        request->next->link = &request->next;
    server->requests = request;
    server->request_count++;
    return request;
}

static void wipe_message(nng_msg *message)
{
    secret_wipe_bytes(nng_msg_body(message), nng_msg_len(message));
}

static void request_free(struct ipc_request *request)
{
    if (request->decoded) {
        message_clear(request->operation->request, request->decoded);
        free(request->decoded);
    }
    nng_msg_free(request->message);
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->server->request_count--;
    free(request);
}

/* The encoded answer; a failure in its place when it cannot be sent, so that the caller need not wait for its
 * deadline. NULL when not even that works. */
static char *encode_answer(const struct ipc_request *request, const struct message_type *type,
                           const void *answer, size_t *length)
{
    struct error error;
    const char *asked = request->operation ? request->operation->name : "a request";
    char *bytes = message_encode(type, answer, length, &error);
    if (bytes && *length <= LIMIT_MESSAGE_BYTES)
        return bytes;
    if (bytes) {
        error_set(&error, ERROR_TOO_LARGE, "%s has %zu bytes, the limit is %d", type->name, *length,
                  LIMIT_MESSAGE_BYTES);
        secret_wipe_bytes(bytes, *length);
        free(bytes);
    }
    log_error("cannot answer %s: %s", asked, error.text);
    char code[] = "system";
    char text[] = "the answer breaks its own limits";
    const struct message_failure failure = {.code = code, .text = text};
    return message_encode(&message_failure_type, &failure, length, &error);
}

static void send_answer(struct ipc_request *request, const struct message_type *type, const void *answer)
{
    size_t length;
    char *bytes = encode_answer(request, type, answer, &length);
    if (!bytes)
        return;
    if (log_enabled(LOG_LEVEL_DEBUG)) {
        char *form = message_log_form(type, answer);
        log_debug("answer %s", form);
        free(form);
    }
    nng_msg *message = NULL;
    int code = nng_msg_alloc(&message, 0);
    if (!code)
        code = nng_msg_append(message, bytes, length);
    if (!code)
        code = nng_msg_header_append(message, nng_msg_header(request->message),
                                     nng_msg_header_len(request->message));
    /* On success the message is nng's, on failure ours. nng drops an answer whose peer is gone or does not
     * read: nobody else waits for it. */
    if (!code && (code = nng_sendmsg(request->server->socket, message, NNG_FLAG_NONBLOCK)) == 0)
        message = NULL;
    if (code)
        log_warn("an answer got lost: %s", nng_strerror(code));
    if (message)
        nng_msg_free(message);
    secret_wipe_bytes(bytes, length);
    free(bytes);
}

void ipc_answer(struct ipc_request *request, const void *answer)
{
    send_answer(request, request->operation->answer, answer);
    request_free(request);
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
    request_free(request);
}

static const struct ipc_handler *find_handler(const struct ipc_server *server, const char *name)
{
    for (size_t i = 0; name && i < server->handler_count; i++)
        if (strcmp(operation_infos[server->handlers[i].operation].name, name) == 0)
            return &server->handlers[i];
    return NULL;
}

static bool decode_request(struct ipc_request *request, const struct ipc_handler *handler,
                           struct error *error)
{
    size_t length = nng_msg_len(request->message);
    request->operation = &operation_infos[handler->operation];
    if (length > request->operation->request_limit_bytes)
        return error_set(error, ERROR_TOO_LARGE, "%s has %zu bytes, the limit is %zu",
                         request->operation->name, length, request->operation->request_limit_bytes);
    void *decoded = memory_allocate(request->operation->request->struct_bytes);
    if (!message_decode(request->operation->request, decoded, nng_msg_body(request->message), length,
                        error)) {
        free(decoded);
        return false;
    }
    request->decoded = decoded;
    return true;
}

static void handle_message(struct ipc_server *server, nng_msg *message)
{
    struct error error;
    char name_bytes[MESSAGE_NAME_BYTES];
    struct ipc_request *request = request_create(server, message);
    const char *name = message_peek_name(nng_msg_body(message), nng_msg_len(message), name_bytes);
    const struct ipc_handler *handler = find_handler(server, name);
    if (!handler)
        error_set(&error, ERROR_FORBIDDEN, "no operation '%s' at %s/%s", name ? name : "(no message)",
                  service_name(role_infos[server->role].owner), role_infos[server->role].folder);
    else if (server->request_count > LIMIT_PENDING_REQUESTS)
        error_set(&error, ERROR_UNAVAILABLE, "too many requests wait for an answer");
    else if (decode_request(request, handler, &error)) {
        wipe_message(message);
        if (log_enabled(LOG_LEVEL_DEBUG)) {
            char *form = message_log_form(request->operation->request, request->decoded);
            log_debug("request %s", form);
            free(form);
        }
        handler->handle(server->context, request, request->decoded);
        return;
    }
    if (may_log_refusal(server))
        log_warn("refused a request: %s", error.text);
    wipe_message(message);
    ipc_fail(request, &error);
}

static void on_readable(void *context, uint32_t events)
{
    struct ipc_server *server = context;
    nng_msg *message;
    (void)events;
    /* A bound for one turn, so that a flood at one socket does not keep timers and other sockets waiting. */
    for (int i = 0; i < REQUESTS_PER_TURN && nng_recvmsg(server->socket, &message, NNG_FLAG_NONBLOCK) == 0;
         i++)
        handle_message(server, message);
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
    int fd;
    const struct role_info *role = &role_infos[server->role];
    if (!ipc_url(server->ipc, role->owner, role->folder, url, error) ||
        !ipc_make_folder(server->ipc, role->owner, role->folder, error))
        return false;
    int code = nng_socket_set_int(server->socket, NNG_OPT_SENDBUF, ANSWERS_QUEUED);
    if (!code)
        code = nng_pipe_notify(server->socket, NNG_PIPE_EV_ADD_PRE, check_peer, server);
    if (code)
        return ipc_set_error(error, code, "cannot set up", url);
    size_t limit = largest_request_bytes(server->handlers, server->handler_count);
    if (!ipc_receive_fd(server->socket, &fd, error) || !ipc_listen(server->socket, url, limit, error))
        return false;
    server->watch = loop_watch_add(server->ipc->loop, fd, EPOLLIN, on_readable, server);
    return true;
}

static void server_free(struct ipc_server *server)
{
    loop_watch_remove(server->watch);
    ipc_close_socket(server->socket);
    for (struct ipc_request *request = server->requests, *next; request; request = next) {
        next = request->next;
        request_free(request);
    }
    free(server);
}

bool ipc_serve(struct ipc *ipc, enum role role, const struct ipc_handler *handlers, size_t handler_count,
               void *context, struct error *error)
{
    struct ipc_server *server = memory_allocate(sizeof *server);
    *server = (struct ipc_server){
        .ipc = ipc, .role = role, .handlers = handlers, .handler_count = handler_count, .context = context};
    int code = nng_rep0_open_raw(&server->socket);
    if (code) {
        free(server);
        return ipc_set_error(error, code, "cannot open a socket for", role_infos[role].folder);
    }
    if (!server_open(server, error)) {
        server_free(server);
        return false;
    }
    server->next = ipc->servers;
    ipc->servers = server;
    return true;
}

void ipc_servers_free(struct ipc *ipc)
{
    while (ipc->servers) {
        struct ipc_server *server = ipc->servers;
        ipc->servers = server->next;
        server_free(server);
    }
}
