#include "libcommon/ipc/ipc_events.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_endpoint.h"
#include "libcommon/ipc/ipc_socket.h"

#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { EVENTS_PER_TURN = 64 };

static const char events_folder[] = "events";

struct ipc_subscription {
    struct ipc_endpoint endpoint;
    nng_socket socket;
    struct loop_watch *watch;
    const struct message_type *type;
    ipc_event_function *on_event;
    void *context;
};

/* --- publishing --- */

bool ipc_open_events(struct ipc *ipc, struct error *error)
{
    char url[IPC_URL_BYTES];
    if (!ipc_url(ipc->runtime_dir, ipc->self, events_folder, url, error) ||
        !ipc_make_folder(ipc->runtime_dir, ipc->self, events_folder, error))
        return false;
    int code = nng_pub0_open(&ipc->events);
    if (code)
        return ipc_set_error(error, code, "cannot open", url);
    ipc->publishes = true;
    return ipc_listen(ipc->events, url, LIMIT_SMALL_MESSAGE_BYTES, LIMIT_PEER_CONNECTIONS, error);
}

void ipc_publish(struct ipc *ipc, enum event event, const void *message)
{
    struct error error;
    size_t length;
    /* Nobody can listen yet, or ever: what is stopped before its sockets were open publishes ends, too. */
    if (!ipc->publishes)
        return;
    char *bytes = message_encode(event_infos[event].message, message, &length, &error);
    if (!bytes) {
        log_error("cannot publish: %s", error.text);
        return;
    }
    int code = nng_send(ipc->events, bytes, length, NNG_FLAG_NONBLOCK);
    if (code)
        log_debug("an event got lost: %s", nng_strerror(code));
    free(bytes);
}

/* --- listening --- */

static void on_readable(void *context, uint32_t events)
{
    struct ipc_subscription *subscription = context;
    nng_msg *received;
    (void)events;
    void *message = memory_allocate(subscription->type->struct_bytes);
    /* A bound for one turn, as for requests. */
    for (int i = 0;
         i < EVENTS_PER_TURN && nng_recvmsg(subscription->socket, &received, NNG_FLAG_NONBLOCK) == 0; i++) {
        struct error error;
        /* Another type of event is not this subscriber's business; a broken one only hinted at something. */
        if (message_decode(subscription->type, message, nng_msg_body(received), nng_msg_len(received),
                           &error)) {
            subscription->on_event(subscription->context, message);
            message_clear(subscription->type, message);
        }
        nng_msg_free(received);
    }
    free(message);
}

static void subscription_free(struct ipc_endpoint *endpoint)
{
    struct ipc_subscription *subscription = (struct ipc_subscription *)endpoint;
    loop_watch_remove(subscription->watch);
    ipc_close_socket(subscription->socket);
    free(subscription);
}

bool ipc_subscribe(struct ipc *ipc, enum event event, ipc_event_function *on_event, void *context,
                   struct error *error)
{
    char url[IPC_URL_BYTES];
    if (!ipc_url(ipc->runtime_dir, event_infos[event].publisher, events_folder, url, error))
        return false;
    struct ipc_subscription *subscription = memory_allocate(sizeof *subscription);
    *subscription = (struct ipc_subscription){
        .type = event_infos[event].message, .on_event = on_event, .context = context};
    int fd = -1;
    int code = nng_sub0_open(&subscription->socket);
    if (!code)
        code = nng_socket_set(subscription->socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    if (!code)
        code = nng_socket_set_size(subscription->socket, NNG_OPT_RECVMAXSZ, LIMIT_SMALL_MESSAGE_BYTES);
    if (!code)
        code = nng_socket_get_int(subscription->socket, NNG_OPT_RECVFD, &fd);
    bool ok = code ? ipc_set_error(error, code, "cannot subscribe at", url)
                   : ipc_dial(subscription->socket, url, error);
    if (!ok) {
        subscription_free(&subscription->endpoint);
        return false;
    }
    subscription->watch = loop_watch_add(ipc->loop, fd, EPOLLIN, on_readable, subscription);
    ipc_endpoint_attach(ipc, &subscription->endpoint, subscription_free);
    return true;
}
