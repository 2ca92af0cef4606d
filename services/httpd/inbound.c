#include "services/httpd/inbound.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/node/settings_value.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

static const char callback_path[] = "/internal/v1/registrations";
static const char health_path[] = "/health";
static const char dds_user_agent[] = "DDS v";

enum { CONNECTION_MEMORY_BYTES = 32 * 1024, OVERDUE_CHECK_MS = 1000 };

struct inbound {
    struct MHD_Daemon *daemon;
    struct inbound_events events;
    struct loop_watch *watch;
    struct loop_timer timer;   /* libmicrohttpd's own timeouts */
    struct loop_timer overdue; /* looks for connections that take too long */
    bool resumed;              /* a connection that libmicrohttpd has yet to look at */
    LIST_HEAD(waiting_request_list, inbound_request) waiting; /* suspended until inbound_answer() */
    LIST_HEAD(open_connection_list, open_connection) connections;
};

/* libmicrohttpd's timeout begins anew with each byte, so a client that sends one now and then could keep all
 * connections for itself. This one has a total time for each request. */
struct open_connection {
    int fd;
    int64_t began_boot_ms; /* of the connection, or the end of its last request */
    LIST_ENTRY(open_connection) among_connections;
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

static enum MHD_Result respond(struct MHD_Connection *connection, int status, const char *allow,
                               const char *body)
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
    if (allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, int status, const char *body)
{
    return respond(connection, status, NULL, body);
}

/* NODE_URL may carry a path that a proxy in front of us does not take off, so the end of the path decides. */
static bool path_is(const char *path, const char *expected)
{
    size_t length = strlen(path);
    size_t expected_length = strlen(expected);
    return length >= expected_length && strcmp(path + length - expected_length, expected) == 0;
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

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes, size_t *length,
                                 void **slot)
{
    struct inbound *inbound = context;
    (void)version;
    bool is_callback = path_is(url, callback_path);
    if (!is_callback && !path_is(url, health_path))
        return respond_text(connection, MHD_HTTP_NOT_FOUND, "not found");
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    /* libmicrohttpd leaves the body out for HEAD. */
    bool allowed = is_callback ? strcmp(method, MHD_HTTP_METHOD_POST) == 0
                               : is_get || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    if (!allowed)
        return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, is_callback ? "POST" : "GET, HEAD",
                       "method not allowed");
    if (!is_callback)
        return answer_health(inbound, connection);
    /* The first call has the headers only. An answer to it spares a refused body, and 100-continue. */
    if (!*slot) {
        struct inbound_request *request = memory_allocate(sizeof *request);
        *request = (struct inbound_request){.inbound = inbound, .connection = connection};
        *slot = request;
        request->refusal = refusal_of_headers(connection);
        return request->refusal ? respond_text(connection, request->refusal, "body too large") : MHD_YES;
    }
    return handle_callback(*slot, bytes, length);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct inbound_request *request = *slot;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct open_connection *open = info ? info->socket_context : NULL;
    (void)context;
    (void)code;
    if (open)
        open->began_boot_ms = clock_boot_ms();
    if (!request)
        return;
    leave_waiting(request);
    drop_collected(request);
    secret_wipe(&request->whole_body);
    free(request->answer);
    free(request);
    *slot = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct inbound *inbound = context;
    struct open_connection *open = *slot;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open = memory_allocate(sizeof *open);
        *open = (struct open_connection){
            .fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
            .began_boot_ms = clock_boot_ms()};
        LIST_INSERT_HEAD(&inbound->connections, open, among_connections);
        *slot = open;
    } else if (open) {
        LIST_REMOVE(open, among_connections);
        free(open);
        *slot = NULL;
    }
}

static void run_daemon(void *context)
{
    struct inbound *inbound = context;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    inbound->resumed = false;
    MHD_run(inbound->daemon);
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

/* A descriptor that is shut down reads as closed by the client, and libmicrohttpd ends the connection. One
 * that waits for authd ends soon by itself. */
static void close_overdue(void *context)
{
    struct inbound *inbound = context;
    int64_t oldest_ms = clock_boot_ms() - LIMIT_INBOUND_SECONDS * INT64_C(1000);
    for (struct open_connection *open = LIST_FIRST(&inbound->connections); open;
         open = LIST_NEXT(open, among_connections))
        if (open->began_boot_ms < oldest_ms)
            shutdown(open->fd, SHUT_RDWR);
    /* At its connection limit libmicrohttpd stops listening, and begins again only when it runs after the end
     * of one: when all ended at once, no event and no timeout of its own would ever run it. */
    run_daemon(inbound);
    loop_timer_start(&inbound->overdue, OVERDUE_CHECK_MS);
}

/* --- life --- */

static struct MHD_Daemon *start_daemon(struct inbound *inbound, const struct sockaddr *address)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    errno = 0;
    /* Without MHD_OPTION_LISTENING_ADDRESS_REUSE: it is SO_REUSEPORT, by which a second process could take
     * half of our callbacks. SO_REUSEADDR is set anyhow. */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, inbound, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LIMIT_INBOUND_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_INBOUND_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, inbound, MHD_OPTION_NOTIFY_COMPLETED, on_completed, inbound, MHD_OPTION_END);
}

static bool resolve(const char *address, struct addrinfo **found, struct error *error)
{
    char *host = NULL;
    uint16_t port;
    char service[8];
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (!settings_split_address(address, &host, &port, error))
        return false;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int code = getaddrinfo(host, service, &hints, found);
    free(host);
    if (code)
        return error_set(error, ERROR_INVALID, "HTTP_LISTEN %s: %s", address, gai_strerror(code));
    return true;
}

struct inbound *inbound_create(const char *address, const struct inbound_events *events, struct error *error)
{
    struct addrinfo *found = NULL;
    if (!resolve(address, &found, error))
        return NULL;
    struct inbound *inbound = memory_allocate(sizeof *inbound);
    inbound->events = *events;
    inbound->daemon = start_daemon(inbound, found->ai_addr);
    freeaddrinfo(found);
    if (inbound->daemon)
        return inbound;
    error_set_errno(error, errno, "cannot listen at HTTP_LISTEN %s", address);
    free(inbound);
    return NULL;
}

uint16_t inbound_port(const struct inbound *inbound)
{
    return MHD_get_daemon_info(inbound->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void inbound_serve(struct inbound *inbound, struct loop *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(inbound->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop_timer_init(&inbound->timer, loop, run_daemon, inbound);
    loop_timer_init(&inbound->overdue, loop, close_overdue, inbound);
    loop_timer_start(&inbound->overdue, OVERDUE_CHECK_MS);
    inbound->watch = loop_watch_add(loop, info->epoll_fd, EPOLLIN, on_ready, inbound);
}

void inbound_free(struct inbound *inbound)
{
    if (!inbound)
        return;
    loop_timer_stop(&inbound->timer);
    loop_timer_stop(&inbound->overdue);
    loop_watch_remove(inbound->watch);
    /* libmicrohttpd cannot stop while connections are suspended. */
    while (!LIST_EMPTY(&inbound->waiting))
        resume(LIST_FIRST(&inbound->waiting), MHD_HTTP_SERVICE_UNAVAILABLE, "stopping");
    MHD_stop_daemon(inbound->daemon);
    free(inbound);
}
