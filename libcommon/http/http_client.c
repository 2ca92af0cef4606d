#include "libcommon/http/http.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/http_call.h"
#include "libcommon/http/http_peer.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>

/*
 * Users' callbacks run below curl_multi_socket_action(), where curl allows neither adding nor removing a
 * handle, and below loops over curl's messages. So a call starts from a timer of its own, never from
 * http_send(), and while `busy` a cancelled call is only marked; client_leave() frees it.
 */
struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer curl_timer;
    LIST_HEAD(http_calls, http_call) calls;
    int busy;
    bool closing;
    size_t cancelled_count;
    size_t lost_connections; /* kept ones that turned out dead: so many calls get a fresh one */
    struct http_peer_warnings peer_warnings;
};

/* A descriptor that curl wants watched. */
struct http_socket {
    struct http_client *client;
    int fd;
    struct loop_watch *watch;
};

/* --- freeing --- */

static void stop_timers(struct http_call *call)
{
    loop_timer_stop(&call->start_timer);
    loop_timer_stop(&call->timeout_timer);
    http_stall_stop(&call->stall);
}

static void leave_multi(struct http_call *call)
{
    if (call->added)
        curl_multi_remove_handle(call->client->multi, call->easy);
    call->added = false;
}

static void detach(struct http_call *call)
{
    stop_timers(call);
    leave_multi(call);
}

static void call_free(struct http_call *call)
{
    detach(call);
    LIST_REMOVE(call, others);
    http_transfer_clear(call);
    free(call);
}

static void client_enter(struct http_client *client)
{
    client->busy++;
}

static void client_leave(struct http_client *client)
{
    if (--client->busy)
        return;
    struct http_call *next = LIST_FIRST(&client->calls);
    while (next && (client->closing || client->cancelled_count)) {
        struct http_call *call = next;
        next = LIST_NEXT(call, others);
        if (call->cancelled || client->closing) {
            client->cancelled_count -= call->cancelled;
            call_free(call);
        }
    }
    if (!client->closing)
        return;
    curl_multi_cleanup(client->multi);
    http_peer_warnings_clear(&client->peer_warnings);
    loop_timer_stop(&client->curl_timer);
    free(client);
}

void http_cancel(struct http_call *call)
{
    /* In its own on_done a call is at its end already. */
    if (!call || call->reporting || call->cancelled)
        return;
    if (!call->client->busy) {
        call_free(call);
        return;
    }
    stop_timers(call);
    call->cancelled = true;
    call->client->cancelled_count++;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    client_enter(client);
    client->closing = true;
    for (struct http_call *call = LIST_FIRST(&client->calls); call; call = LIST_NEXT(call, others))
        http_cancel(call);
    client_leave(client);
}

/* --- the end of a call --- */

static void report(struct http_call *call)
{
    struct http_response response;
    detach(call);
    http_request_mask(call);
    http_answer_view(&call->answer, clock_unix_ms(), &response);
    response.request = call->label;
    response.from_private = call->peer_private;
    call->reporting = true;
    call->request.on_done(call->request.context, call->failed ? NULL : &response,
                          call->failed ? &call->failure : NULL);
    call_free(call);
}

static void fail(struct http_call *call, enum error_code code, const char *reason)
{
    call->failed = true;
    error_set(&call->failure, code, "%s: %s", call->label, reason);
    report(call);
}

static void add(struct http_call *call)
{
    CURLMcode code = curl_multi_add_handle(call->client->multi, call->easy);
    if (code == CURLM_OK)
        call->added = true;
    else
        fail(call, ERROR_SYSTEM, curl_multi_strerror(code));
}

static void finish(struct http_call *call, CURLcode code)
{
    /* Others that are kept may be as dead: whatever goes next, the repeat for one, shall not meet them. */
    if (call->issues > 1)
        call->client->lost_connections++;
    /* To curl an answer that ends within its headers is whole; one cut on purpose is a failed write. */
    if (code == CURLE_OK && !call->answer.status)
        code = CURLE_PARTIAL_FILE;
    bool answered = !call->failed && (code == CURLE_OK || call->answer.body_cut);
    if (answered && call->request.follow_redirects && http_answer_is_redirect(&call->answer)) {
        leave_multi(call);
        http_stall_stop(&call->stall);
        if (http_request_redirect(call, &call->failure)) {
            add(call);
            return;
        }
        call->failed = true;
    } else if (!answered && !call->failed) {
        call->failed = true;
        http_transfer_failure(call, code, &call->failure);
    }
    report(call);
}

static void take_messages(struct http_client *client)
{
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(client->multi, &left))) {
        char *context = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
        struct http_call *call = (void *)context;
        if (!call->cancelled)
            finish(call, code);
    }
}

/* --- what the loop calls --- */

static void turn_curl(struct http_client *client, curl_socket_t fd, int events)
{
    int running = 0;
    client_enter(client);
    curl_multi_socket_action(client->multi, fd, events, &running);
    take_messages(client);
    client_leave(client);
}

static void on_socket_ready(void *context, uint32_t events)
{
    const struct http_socket *socket = context;
    /* CURL_CSELECT_ERR alone would hide the reason; reading and writing give it. */
    int curl_events = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        curl_events |= CURL_CSELECT_IN;
    if (events & (EPOLLOUT | EPOLLERR))
        curl_events |= CURL_CSELECT_OUT;
    turn_curl(socket->client, socket->fd, curl_events);
}

static void on_curl_due(void *context)
{
    turn_curl(context, CURL_SOCKET_TIMEOUT, 0);
}

static void on_start(void *context)
{
    struct http_call *call = context;
    struct http_client *client = call->client;
    client_enter(client);
    if (call->failed) {
        report(call);
    } else {
        if (call->request.timeout_ms > 0)
            loop_timer_start(&call->timeout_timer, call->request.timeout_ms);
        bool fresh_connection = client->lost_connections > 0;
        client->lost_connections -= fresh_connection;
        http_transfer_configure(call, fresh_connection);
        add(call);
    }
    client_leave(client);
}

/* From the loop; the call is gone after it, and the client perhaps. */
static void fail_late(struct http_call *call, const char *reason)
{
    struct http_client *client = call->client;
    client_enter(client);
    fail(call, ERROR_TIMEOUT, reason);
    client_leave(client);
}

static void on_timeout(void *context)
{
    fail_late(context, "no complete answer in time");
}

static int64_t moved_bytes(void *context)
{
    const struct http_call *call = context;
    curl_off_t sent = 0;
    curl_off_t received = 0;
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    curl_easy_getinfo(call->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    return sent + received;
}

/* One that we have held up ourselves is looked at anew. */
static void on_stalled(void *context)
{
    struct http_call *call = context;
    if (call->was_held) {
        call->was_held = call->held;
        http_stall_watch(&call->stall);
        return;
    }
    fail_late(context, "the transfer has stalled");
}

/* --- what curl calls to be woken --- */

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    struct http_client *client = context;
    struct http_socket *socket = socket_context;
    if (what == CURL_POLL_REMOVE) {
        if (socket) {
            loop_watch_remove(socket->watch);
            curl_multi_assign(client->multi, fd, NULL);
            free(socket);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U);
    if (socket) {
        loop_watch_change(socket->watch, events);
        return 0;
    }
    socket = memory_allocate(sizeof(*socket));
    *socket = (struct http_socket){.client = client, .fd = fd};
    socket->watch = loop_watch_add(client->loop, fd, events, on_socket_ready, socket);
    curl_multi_assign(client->multi, fd, socket);
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_client *client = context;
    if (timeout_ms < 0)
        loop_timer_stop(&client->curl_timer);
    else
        loop_timer_start(&client->curl_timer, timeout_ms);
    return 0;
}

/* --- the public rest --- */

struct http_client *http_client_create(struct loop *loop)
{
    struct http_client *client = memory_allocate(sizeof(*client));
    *client = (struct http_client){.loop = loop, .multi = memory_require(curl_multi_init())};
    loop_timer_init(&client->curl_timer, loop, on_curl_due, client);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    return client;
}

struct http_call *http_send(struct http_client *client, const struct http_request *request)
{
    assert(request->on_done);
    struct http_call *call = memory_allocate(sizeof(*call));
    call->client = client;
    call->peer_warnings = &client->peer_warnings;
    LIST_INSERT_HEAD(&client->calls, call, others);
    loop_timer_init(&call->start_timer, client->loop, on_start, call);
    loop_timer_init(&call->timeout_timer, client->loop, on_timeout, call);
    call->stall = (struct http_stall){.window_ms = request->stall_ms,
                                      .bytes_per_second = request->stall_bytes_per_second,
                                      .moved_bytes = moved_bytes,
                                      .on_stalled = on_stalled,
                                      .context = call};
    http_stall_init(&call->stall, client->loop);
    call->failed = !http_request_prepare(call, request, &call->failure);
    loop_timer_start(&call->start_timer, 0);
    return call;
}

/* What curl has kept of an answer is handed out at once. An error of that does not end curl's transfer. */
void http_resume(struct http_call *call)
{
    struct http_client *client = call->client;
    if (!call->held || call->cancelled || call->reporting)
        return;
    call->held = false;
    client_enter(client);
    CURLcode code = curl_easy_pause(call->easy, CURLPAUSE_CONT);
    if (code != CURLE_OK && !call->cancelled)
        finish(call, code);
    client_leave(client);
}

bool http_call_is_sent(const struct http_call *call)
{
    return call->issues > 0;
}
