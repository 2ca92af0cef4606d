#include "services/httpd/inbound.h"

#include "libcommon/clock.h"
#include "libcommon/limits.h"
#include "libcommon/log.h"
#include "libcommon/memory.h"
#include "libcommon/settings_value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

static const char callback_path[] = "/internal/v1/registrations";
static const char health_path[] = "/health";
static const char dds_user_agent[] = "DDS v";

struct inbound {
    struct MHD_Daemon *daemon;
    struct inbound_events events;
    struct loop_watch *watch;
    struct loop_timer timer; /* libmicrohttpd's own timeouts */
    struct loop *loop;
    struct inbound_request *waiting; /* suspended until inbound_answer() */
};

struct inbound_request {
    struct inbound *inbound;
    struct MHD_Connection *connection;
    int64_t began_boot_ms;
    char *body; /* wiped: it holds the callback's secret */
    size_t body_bytes;
    struct secret whole_body;
    int refusal; /* HTTP status decided before the body is through; 0: none */
    int status;  /* of the answer, once there is one */
    char *answer;
    struct inbound_request *next; /* among the waiting */
    struct inbound_request **link;
};

/* --- answers --- */

static enum MHD_Result respond(struct MHD_Connection *connection, int status, const char *content_type,
                               const char *body)
{
    char *copy = memory_copy_text(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(copy);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result respond_text(struct MHD_Connection *connection, int status, const char *body)
{
    return respond(connection, status, *body == '{' ? "application/json" : "text/plain; charset=utf-8", body);
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

/* --- the callback's body --- */

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

static void hand_over_callback(struct inbound_request *request)
{
    struct inbound *inbound = request->inbound;
    request->next = inbound->waiting;
    request->link = &inbound->waiting;
    if (request->next)
        request->next->link = &request->next;
    inbound->waiting = request;
    secret_assign(&request->whole_body, request->body ? request->body : "", request->body_bytes);
    MHD_suspend_connection(request->connection);
    inbound->events.callback(
        inbound->events.context, request, &request->whole_body,
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE));
}

static void leave_waiting(struct inbound_request *request)
{
    if (!request->link)
        return;
    *request->link = request->next;
    if (request->next)
        request->next->link = request->link;
    request->link = NULL;
}

static void run_daemon(struct inbound *inbound);

void inbound_answer(struct inbound_request *request, int status, const char *body)
{
    struct inbound *inbound = request->inbound;
    leave_waiting(request);
    request->status = status;
    request->answer = memory_copy_text(body);
    MHD_resume_connection(request->connection);
    /* The daemon looks at resumed connections when it runs next; in a later turn, since it may be what called
     * us. */
    loop_timer_start(&inbound->timer, 0);
}

static enum MHD_Result handle_callback(struct inbound_request *request, const char *bytes, size_t *length)
{
    if (clock_boot_ms() - request->began_boot_ms > LIMIT_INBOUND_SECONDS * INT64_C(1000))
        return MHD_NO;
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
    if (strcmp(method, is_callback ? "POST" : "GET") != 0)
        return respond_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method not allowed");
    if (!is_callback)
        return answer_health(inbound, connection);
    if (!*slot) {
        struct inbound_request *request = memory_allocate(sizeof *request);
        *request = (struct inbound_request){
            .inbound = inbound, .connection = connection, .began_boot_ms = clock_boot_ms()};
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
    (void)context;
    (void)connection;
    (void)code;
    if (!request)
        return;
    leave_waiting(request);
    if (request->body)
        secret_wipe_bytes(request->body, LIMIT_CALLBACK_BODY_BYTES);
    secret_wipe(&request->whole_body);
    free(request->body);
    free(request->answer);
    free(request);
    *slot = NULL;
}

static void run_daemon(struct inbound *inbound)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(inbound->daemon);
    if (MHD_get_timeout(inbound->daemon, &wait_ms) == MHD_YES)
        loop_timer_start(&inbound->timer, (int64_t)wait_ms);
    else
        loop_timer_stop(&inbound->timer);
}

static void on_ready(void *context, uint32_t events)
{
    (void)events;
    run_daemon(context);
}

static void on_timer(void *context)
{
    run_daemon(context);
}

/* --- life --- */

static struct MHD_Daemon *start_daemon(struct inbound *inbound, const struct sockaddr *address)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, inbound, MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)LIMIT_INBOUND_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)LIMIT_INBOUND_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(32 * 1024), MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, inbound, MHD_OPTION_END);
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

void inbound_serve(struct inbound *inbound, struct loop *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(inbound->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    inbound->loop = loop;
    loop_timer_init(&inbound->timer, loop, on_timer, inbound);
    inbound->watch = loop_watch_add(loop, info->epoll_fd, EPOLLIN, on_ready, inbound);
}

void inbound_free(struct inbound *inbound)
{
    if (!inbound)
        return;
    if (inbound->loop) {
        loop_timer_stop(&inbound->timer);
        loop_watch_remove(inbound->watch);
    }
    /* libmicrohttpd cannot stop while connections are suspended. */
    while (inbound->waiting) {
        struct inbound_request *request = inbound->waiting;
        leave_waiting(request);
        request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        request->answer = memory_copy_text("stopping");
        MHD_resume_connection(request->connection);
    }
    MHD_stop_daemon(inbound->daemon);
    free(inbound);
}
