#include "services/httpd/inbound.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/httpd/acceptor.h"
#include "services/httpd/request_head.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

static const char dds_user_agent[] = "DDS v";

enum { CONNECTION_MEMORY_BYTES = 32 * 1024 };

struct inbound {
    struct MHD_Daemon *daemon;
    struct acceptor *acceptor;
    char *path; /* has to stand before callback and health; NULL: anything may */
    struct inbound_events events;
    struct loop_watch *watch;
    struct loop_timer timer; /* libmicrohttpd's own timeouts */
    bool resumed;            /* a connection that libmicrohttpd has yet to look at */
    LIST_HEAD(waiting_request_list, inbound_request) waiting; /* suspended until inbound_answer() */
};

struct inbound_request {
    struct inbound *inbound;
    struct MHD_Connection *connection;
    char *body; /* collects; wiped, since it holds the callback's secret */
    size_t body_bytes;
    struct secret whole_body;
    int refusal; /* HTTP status decided before the body is through; 0: none */
    int status;  /* of the answer, once there is one */
    char *answer;
    bool waits;
    LIST_ENTRY(inbound_request) among_waiting;
};

/* --- answers --- */

static enum MHD_Result respond(struct MHD_Connection *connection, int status, const char *header,
                               const char *value, const char *body)
{
    char *copy = memory_copy_text(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(copy);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            *body == '{' ? "application/json" : "text/plain; charset=utf-8");
    if (header)
        MHD_add_response_header(response, header, value);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, int status, const char *body)
{
    return respond(connection, status, NULL, NULL, body);
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  size_t name_length, const char *value, size_t value_length)
{
    (void)kind;
    request_head_add(context, name, name_length, value, value_length);
    return MHD_YES;
}

static bool has_sound_head(struct MHD_Connection *connection, const char *version)
{
    struct request_head head = {0};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, &head);
    return request_head_is_sound(&head, version);
}

static enum MHD_Result answer_health(struct inbound *inbound, struct MHD_Connection *connection)
{
    const char *agent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_USER_AGENT);
    if (agent && strncmp(agent, dds_user_agent, strlen(dds_user_agent)) == 0)
        inbound->events.health_check(inbound->events.context);
    return respond_text(connection, MHD_HTTP_OK, "{\"ok\":true}");
}

/*
 * --- the callback's body ---
 *
 * What we hold of it is wiped. libmicrohttpd's buffers (CONNECTION_MEMORY_BYTES each) and the kernel's are
 * out of reach: they keep parts of it until they are used again. The process is undumpable and dies without a
 * core.
 */

static int refusal_of_headers(struct MHD_Connection *connection)
{
    const char *length =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length && strtoull(length, NULL, 10) > LIMIT_CALLBACK_BODY_BYTES)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return 0;
}

static void take_body(struct inbound_request *request, const char *bytes, size_t length)
{
    if (request->refusal)
        return;
    if (request->body_bytes + length > LIMIT_CALLBACK_BODY_BYTES) {
        request->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
        return;
    }
    if (!request->body)
        request->body = memory_allocate(LIMIT_CALLBACK_BODY_BYTES);
    memcpy(request->body + request->body_bytes, bytes, length);
    request->body_bytes += length;
}

static void drop_collected(struct inbound_request *request)
{
    if (request->body)
        secret_wipe_bytes(request->body, LIMIT_CALLBACK_BODY_BYTES);
    free(request->body);
    request->body = NULL;
    request->body_bytes = 0;
}

static void hand_over_callback(struct inbound_request *request)
{
    struct inbound *inbound = request->inbound;
    LIST_INSERT_HEAD(&inbound->waiting, request, among_waiting);
    request->waits = true;
    secret_assign(&request->whole_body, request->body ? request->body : "", request->body_bytes);
    drop_collected(request);
    acceptor_connection_of(request->connection)->waits = true;
    MHD_suspend_connection(request->connection);
    inbound->events.callback(
        inbound->events.context, request, &request->whole_body,
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE));
}

static void leave_waiting(struct inbound_request *request)
{
    if (request->waits)
        LIST_REMOVE(request, among_waiting);
    request->waits = false;
}

static void resume(struct inbound_request *request, int status, const char *body)
{
    leave_waiting(request);
    request->status = status;
    request->answer = memory_copy_text(body);
    MHD_resume_connection(request->connection);
}

void inbound_answer(struct inbound_request *request, int status, const char *body)
{
    struct inbound *inbound = request->inbound;
    resume(request, status, body);
    /* The daemon looks at resumed connections when it runs next; in a later turn, since it may be what called
     * us. Then it is run_daemon() that sets the timer. */
    inbound->resumed = true;
    loop_timer_start(&inbound->timer, 0);
}

static enum MHD_Result handle_callback(struct inbound_request *request, const char *bytes, size_t *length)
{
    if (request->answer)
        return respond_text(request->connection, request->status, request->answer);
    if (*length) {
        take_body(request, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    if (request->refusal)
        return respond_text(request->connection, request->refusal, "body too large");
    hand_over_callback(request);
    return MHD_YES;
}

/* --- libmicrohttpd's side --- */

static enum MHD_Result begin_callback(struct inbound *inbound, struct MHD_Connection *connection, void **slot)
{
    struct inbound_request *request = memory_allocate(sizeof *request);
    *request = (struct inbound_request){.inbound = inbound, .connection = connection};
    *slot = request;
    request->refusal = refusal_of_headers(connection);
    return request->refusal ? respond_text(connection, request->refusal, "body too large") : MHD_YES;
}

/* The first call of a request has the headers only. An answer to it spares a refused body, and 100-continue.
 */
static enum MHD_Result begin_request(struct inbound *inbound, struct MHD_Connection *connection,
                                     const char *url, const char *method, const char *version, void **slot)
{
    acceptor_connection_of(connection)->head_came = true;
    /* Where such a request ends may be seen in another way elsewhere: nothing behind it is read.
     * (libmicrohttpd 0.9 closes after each answer to a head; later ones need to be told.) */
    if (!has_sound_head(connection, version))
        return respond(connection, MHD_HTTP_BAD_REQUEST, MHD_HTTP_HEADER_CONNECTION, "close", "bad request");
    enum request_target target = request_target_of(url, inbound->path);
    if (target == REQUEST_TARGET_NONE)
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "not found");
    bool is_callback = target == REQUEST_TARGET_CALLBACK;
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    /* libmicrohttpd leaves the body out for HEAD. */
    bool allowed = is_callback ? strcmp(method, MHD_HTTP_METHOD_POST) == 0
                               : is_get || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!allowed)
        return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, MHD_HTTP_HEADER_ALLOW,
                       is_callback ? "POST" : "GET, HEAD", "method not allowed");
    return is_callback ? begin_callback(inbound, connection, slot) : answer_health(inbound, connection);
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes, size_t *length,
                                 void **slot)
{
    return *slot ? handle_callback(*slot, bytes, length)
                 : begin_request(context, connection, url, method, version, slot);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct inbound_request *request = *slot;
    struct connection *open = acceptor_connection_of(connection);
    (void)context;
    (void)code;
    if (open)
        connection_request_ended(open, clock_boot_ms());
    if (!request)
        return;
    leave_waiting(request);
    drop_collected(request);
    secret_wipe(&request->whole_body);
    free(request->answer);
    free(request);
    *slot = NULL;
}

static void run_daemon(void *context)
{
    struct inbound *inbound = context;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    inbound->resumed = false;
    MHD_run(inbound->daemon);
    acceptor_look_for_places(inbound->acceptor);
    if (inbound->resumed)
        loop_timer_start(&inbound->timer, 0);
    else if (MHD_get_timeout(inbound->daemon, &wait_ms) == MHD_YES)
        loop_timer_start(&inbound->timer, (int64_t)wait_ms);
    else
        loop_timer_stop(&inbound->timer);
}

static void on_ready(void *context, uint32_t events)
{
    (void)events;
    run_daemon(context);
}

/* --- life --- */

static struct MHD_Daemon *start_daemon(struct inbound *inbound)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_access,
        inbound, MHD_OPTION_CONNECTION_LIMIT, acceptor_limit(inbound->acceptor),
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_INBOUND_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION, acceptor_on_connection,
        inbound->acceptor, MHD_OPTION_NOTIFY_COMPLETED, on_completed, inbound, MHD_OPTION_END);
}

struct inbound *inbound_create(int listener, const char *path, const struct inbound_events *events,
                               struct error *error)
{
    struct inbound *inbound = memory_allocate(sizeof *inbound);
    inbound->events = *events;
    inbound->path = memory_copy_text(path);
    inbound->acceptor = acceptor_create(listener);
    inbound->daemon = start_daemon(inbound);
    if (inbound->daemon)
        return inbound;
    error_set(error, ERROR_UNAVAILABLE, "libmicrohttpd does not start");
    acceptor_free(inbound->acceptor);
    free(inbound->path);
    free(inbound);
    return NULL;
}

uint16_t inbound_port(const struct inbound *inbound)
{
    return acceptor_port(inbound->acceptor);
}

void inbound_serve(struct inbound *inbound, struct loop *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(inbound->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop_timer_init(&inbound->timer, loop, run_daemon, inbound);
    inbound->watch = loop_watch_add(loop, info->epoll_fd, EPOLLIN, on_ready, inbound);
    acceptor_serve(inbound->acceptor, loop, inbound->daemon, run_daemon, inbound);
}

void inbound_free(struct inbound *inbound)
{
    if (!inbound)
        return;
    loop_timer_stop(&inbound->timer);
    loop_watch_remove(inbound->watch);
    acceptor_stop(inbound->acceptor);
    /* libmicrohttpd cannot stop while connections are suspended. */
    while (!LIST_EMPTY(&inbound->waiting))
        resume(LIST_FIRST(&inbound->waiting), MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
    MHD_stop_daemon(inbound->daemon);
    acceptor_free(inbound->acceptor);
    free(inbound->path);
    free(inbound);
}
