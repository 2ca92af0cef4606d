#include "tests/devnet/server.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/body_file.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/routes.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MEMORY_BODY_BYTES = 64 * 1024 * 1024 };

/* What one listener tells its handlers. */
struct listener {
    struct devnet *devnet;
    bool trap;
    struct MHD_Daemon *daemon;
};

struct server {
    struct listener network, trap;
};

static void *begin_request(void *context, const char *uri, struct MHD_Connection *connection)
{
    const struct listener *listener = context;
    struct exchange *exchange = memory_allocate(sizeof(*exchange));

    exchange->devnet = listener->devnet;
    exchange->trap = listener->trap;
    exchange->connection = connection;
    exchange->target = memory_copy_text(uri);
    exchange->path = memory_copy_bytes(uri, strcspn(uri, "?"));
    exchange->started_ms = moment_now_ms();
    return exchange;
}

/* Waits out a latency without the lock, and no longer than the program lives. */
static void wait_latency(struct devnet *devnet, int64_t latency_ms)
{
    int64_t until = moment_now_ms() + latency_ms;

    while (!devnet->stopping && moment_now_ms() < until)
        store_wait(devnet->store, until);
}

/* First look at a request, with the lock held: who sends it, where it goes, and which fault is due. */
static void open_exchange(struct exchange *exchange, const char *method)
{
    struct devnet *devnet = exchange->devnet;
    const char *token = exchange_bearer(exchange);
    int path_known;

    exchange->method = method;
    exchange->by_app = !exchange->trap && token && strcmp(token, devnet->app_token) == 0;
    exchange->route = exchange->trap ? NULL : routes_find(exchange, &path_known);
    if (!exchange->route || strncmp(exchange->path, "/admin/", 7) != 0)
        exchange->has_fault =
            faults_take(devnet->faults, method, exchange->path, exchange->target, &exchange->fault);
    if (exchange->has_fault && exchange->fault.kind == FAULT_LATENCY && !exchange->fault.after)
        wait_latency(devnet, exchange->fault.latency_ms);
    if (exchange->route && exchange->route->body == BODY_FILE)
        exchange->file = body_file_create(devnet->folder);
    exchange->body = memory_copy_text("");
}

static bool take_body(struct exchange *exchange, const char *bytes, size_t length)
{
    const struct fault *fault = exchange->has_fault ? &exchange->fault : NULL;

    if (fault && fault->kind == FAULT_CUT && fault->request_bytes >= 0) {
        exchange->fault.request_bytes -= (int64_t)length;
        if (exchange->fault.request_bytes < 0)
            return false;
    }
    if (exchange->file)
        return body_file_write(exchange->file, bytes, length);
    if (exchange->body_length + length > MEMORY_BODY_BYTES)
        return false;
    exchange->body = memory_resize_array(exchange->body, exchange->body_length + length + 1, 1);
    memcpy(exchange->body + exchange->body_length, bytes, length);
    exchange->body_length += length;
    exchange->body[exchange->body_length] = '\0';
    return true;
}

/* What RFC 3986 allows in a path or a query; anything else had to be percent-encoded. */
static bool target_is_encoded(const char *target)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?%";

    if (strstr(target, "/../") || strstr(target, "/./"))
        return false;
    return target[strspn(target, allowed)] == '\0';
}

static void answer_unrouted(struct exchange *exchange)
{
    int path_known = 0;

    if (exchange->trap) {
        if (exchange_header(exchange, MHD_HTTP_HEADER_AUTHORIZATION))
            exchange_refuse(exchange, RULE_TOKEN_FOREIGN_ORIGIN, "a token came to an origin it is not for");
        else
            exchange_decline(exchange, 404, "nothing lives at this origin");
        return;
    }
    routes_find(exchange, &path_known);
    exchange_refuse(exchange, path_known ? RULE_REQUEST_METHOD : RULE_REQUEST_UNKNOWN, "no %s %s here",
                    exchange->method, exchange->path);
}

static void handle(struct exchange *exchange)
{
    if (exchange->route)
        exchange->route->handle(exchange);
    else
        answer_unrouted(exchange);
}

/* A fault that stands in for the answer. */
static bool answer_is_faked(struct exchange *exchange)
{
    const struct fault *fault = &exchange->fault;

    if (fault->kind != FAULT_STATUS && fault->kind != FAULT_REDIRECT)
        return false;
    exchange_answer_text(
        exchange, fault->status, fault->content_type[0] ? fault->content_type : "application/json",
        memory_copy_text(fault->body[0] ? fault->body : "{\"error\":\"a fault on request\"}"));
    exchange->answer.retry_after_secs = fault->retry_after_secs;
    if (fault->kind == FAULT_REDIRECT)
        exchange->answer.location = memory_copy_text(fault->location);
    return true;
}

/* The whole request is here: run its handler with the lock held, and apply the fault before or after. */
static bool close_exchange(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    bool faulty = exchange->has_fault;
    bool unheard =
        faulty && !exchange->fault.after && exchange->fault.kind == FAULT_CUT && exchange->fault.bytes == 0;

    if (unheard || (faulty && !exchange->fault.after && answer_is_faked(exchange)))
        return !unheard;
    if (target_is_encoded(exchange->target) ||
        exchange_tolerates(exchange, RULE_URL_ENCODING,
                           "the request's target has characters that must be encoded"))
        handle(exchange);
    if (faulty && exchange->fault.after) {
        /* A refusal takes no effect, so nothing is waited for after it. */
        if (exchange->fault.kind == FAULT_LATENCY && exchange->answer.status < 400)
            wait_latency(devnet, exchange->fault.latency_ms);
        answer_is_faked(exchange);
    }
    return true;
}

static void log_request(struct exchange *exchange, int status)
{
    store_run(exchange->devnet->store,
              "INSERT INTO requests(at, took_ms, method, target, status, task, rule, fault) "
              "VALUES(?,?,?,?,?,?,?,?)",
              VALUES(INTEGER(exchange->started_ms), INTEGER(moment_now_ms() - exchange->started_ms),
                     TEXT(exchange->method), TEXT(exchange->target), INTEGER(status), TEXT(exchange->task),
                     TEXT(exchange->broken_rule),
                     TEXT(exchange->has_fault ? fault_kind_name(exchange->fault.kind) : NULL)));
    store_changed(exchange->devnet->store);
}

static enum MHD_Result handle_access(void *context, struct MHD_Connection *connection, const char *url,
                                     const char *method, const char *version, const char *upload_data,
                                     size_t *upload_data_size, void **request)
{
    struct exchange *exchange = *request;
    struct devnet *devnet = exchange->devnet;
    bool going_on = true;

    (void)context;
    (void)url;
    (void)version;
    if (!exchange->method) {
        store_lock(devnet->store);
        open_exchange(exchange, method);
        store_unlock(devnet->store);
        return MHD_YES;
    }
    if (*upload_data_size > 0) {
        going_on = take_body(exchange, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return going_on ? MHD_YES : MHD_NO;
    }
    store_lock(devnet->store);
    going_on = close_exchange(exchange);
    log_request(exchange, going_on ? exchange->answer.status : 0);
    store_unlock(devnet->store);
    return going_on &&
                   answer_send(&exchange->answer, connection, exchange->has_fault ? &exchange->fault : NULL)
               ? MHD_YES
               : MHD_NO;
}

static void end_request(void *context, struct MHD_Connection *connection, void **request,
                        enum MHD_RequestTerminationCode reason)
{
    struct exchange *exchange = *request;

    (void)context;
    (void)connection;
    (void)reason;
    if (!exchange)
        return;
    answer_clear(&exchange->answer);
    for (size_t i = 0; i < EXCHANGE_ARGUMENTS; i++)
        free(exchange->arguments[i]);
    body_file_free(exchange->file);
    free(exchange->body);
    free(exchange->target);
    free(exchange->path);
    free(exchange->task);
    free(exchange);
    *request = NULL;
}

static bool start_listener(struct listener *listener, const struct sockaddr_in *address, char **origin,
                           struct error *error)
{
    const union MHD_DaemonInfo *port;
    char host[INET_ADDRSTRLEN];

    listener->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
        handle_access, listener, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
        MHD_OPTION_URI_LOG_CALLBACK, begin_request, listener, MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_TIMEOUT, 300u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 * 1024, MHD_OPTION_END);
    if (!listener->daemon)
        return error_set(error, ERROR_SYSTEM, "cannot listen on port %d", ntohs(address->sin_port));
    port = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_BIND_PORT);
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof(host));
    *origin = memory_format("http://%s:%u", strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : host, port->port);
    return true;
}

static bool read_listen(const char *listen, struct sockaddr_in *address, struct error *error)
{
    const char *colon = strrchr(listen, ':');
    char host[INET_ADDRSTRLEN] = "";
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;

    if (colon && (size_t)(colon - listen) < sizeof(host))
        memcpy(host, listen, (size_t)(colon - listen));
    address->sin_family = AF_INET;
    if (port < 0 || port > 65535 || !end || *end || inet_pton(AF_INET, host, &address->sin_addr) != 1)
        return error_set(error, ERROR_INVALID,
                         "--listen wants an IPv4 address and a port (127.0.0.1:0), got %s", listen);
    address->sin_port = htons((uint16_t)port);
    return true;
}

struct server *server_start(struct devnet *devnet, const char *listen, struct error *error)
{
    struct server *server = memory_allocate(sizeof(*server));
    struct sockaddr_in address = {0};

    server->network = (struct listener){.devnet = devnet};
    server->trap = (struct listener){.devnet = devnet, .trap = true};
    if (!read_listen(listen, &address, error) ||
        !start_listener(&server->network, &address, &devnet->origin, error))
        goto failed;
    address.sin_port = 0;
    if (!start_listener(&server->trap, &address, &devnet->trap_origin, error))
        goto failed;
    return server;
failed:
    server_stop(server);
    return NULL;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    if (server->network.daemon)
        MHD_stop_daemon(server->network.daemon);
    if (server->trap.daemon)
        MHD_stop_daemon(server->trap.daemon);
    free(server);
}
