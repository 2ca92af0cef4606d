#include "services/httpd/registration_relay.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/node/settings_value.h"
#include "services/httpd/inbound.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* authd counts on the endpoint for 30 s after each inbound_listening. */
enum { LISTENING_REPEAT_MS = 2000, LISTENING_RETRY_MS = 500, HEALTH_CHECK_SPACING_MS = 1000 };

struct relay {
    struct service_context *service;
    struct inbound *inbound; /* NULL in the flows in which nobody calls the node */
    struct ipc_client *authd;
    struct loop_timer listening_timer;
    struct ipc_call *listening_call;
    struct ipc_call *health_call;
    int64_t health_sent_boot_ms;
    bool authd_knows;
    LIST_HEAD(delivery_list, delivery) deliveries;
};

/* A callback on its way to authd. */
struct delivery {
    struct inbound_request *request;
    struct ipc_call *call;
    LIST_ENTRY(delivery) among_deliveries;
};

/* --- the callback --- */

static void delivery_free(struct delivery *delivery)
{
    LIST_REMOVE(delivery, among_deliveries);
    free(delivery);
}

static void on_delivered(void *context, const void *answer, const struct error *failure)
{
    struct delivery *delivery = context;
    const struct message_callback_answer *callback = answer;
    if (failure) {
        log_warn("authd did not take the callback: %s", failure->text);
        /* docs/network.md 1.1: the credential process does not answer within 2 s */
        inbound_answer(delivery->request, 409, "persist failed");
    } else {
        inbound_answer(delivery->request, (int)callback->status, callback->body);
    }
    delivery_free(delivery);
}

static void on_callback(void *context, struct inbound_request *request, const struct secret *body,
                        const char *content_type)
{
    struct relay *relay = context;
    struct delivery *delivery = memory_allocate(sizeof *delivery);
    delivery->request = request;
    LIST_INSERT_HEAD(&relay->deliveries, delivery, among_deliveries);
    /* The message borrows the body: no further copy to wipe here. */
    char *type = memory_copy_text(content_type);
    const struct message_callback_deliver message = {.body = *body, .content_type = type};
    delivery->call = call_callback_deliver(relay->authd, &message, on_delivered, delivery);
    free(type);
}

/* --- health checks --- */

static void on_health_told(void *context, const void *answer, const struct error *failure)
{
    struct relay *relay = context;
    (void)answer;
    relay->health_call = NULL;
    if (failure)
        log_warn("authd did not hear of DDS's health check: %s", failure->text);
}

static void on_health_check(void *context)
{
    struct relay *relay = context;
    const struct message_health_check_seen message = {0};
    int64_t now_ms = clock_boot_ms();
    if (relay->health_call || now_ms - relay->health_sent_boot_ms < HEALTH_CHECK_SPACING_MS)
        return;
    relay->health_sent_boot_ms = now_ms;
    relay->health_call = call_health_check_seen(relay->authd, &message, on_health_told, relay);
}

/* --- telling that we listen --- */

static void on_listening_told(void *context, const void *answer, const struct error *failure)
{
    struct relay *relay = context;
    (void)answer;
    relay->listening_call = NULL;
    relay->authd_knows = !failure;
    loop_timer_start(&relay->listening_timer, failure ? LISTENING_RETRY_MS : LISTENING_REPEAT_MS);
}

static void tell_listening(void *context)
{
    struct relay *relay = context;
    const struct message_inbound_listening message = {0};
    relay->listening_call = call_inbound_listening(relay->authd, &message, on_listening_told, relay);
}

/* --- hooks --- */

/* A port that nobody calls is open to strangers alone (docs/network.md 1). */
static bool is_called(const struct service_context *context)
{
    return context->settings.registration_flow == SETTINGS_FLOW_CALLBACK;
}

static bool open_inbound(struct relay *relay, struct error *error)
{
    const struct settings *settings = &relay->service->settings;
    const struct inbound_events events = {
        .callback = on_callback, .health_check = on_health_check, .context = relay};
    char *path = NULL;
    if (settings->node_url_path == SETTINGS_URL_PATH_EXACT &&
        !(path = settings_path_of_url(settings->node_url, error)))
        return false;
    int listener = listening_socket_take(settings->http_listen, error);
    relay->inbound = listener < 0 ? NULL : inbound_create(listener, path, &events, error);
    free(path);
    return relay->inbound != NULL;
}

bool relay_open_inbound(struct service_context *context, struct error *error)
{
    struct relay *relay = memory_allocate(sizeof *relay);
    context->state = relay;
    relay->service = context;
    relay->health_sent_boot_ms = INT64_MIN / 2;
    if (!is_called(context))
        return true;
    return open_inbound(relay, error);
}

bool relay_start(struct service_context *context, struct error *error)
{
    struct relay *relay = context->state;
    if (!relay->inbound) {
        log_info("not listening: DDS calls nodes of the callback flow alone");
        return true;
    }
    relay->authd = ipc_client_create(context->ipc, ROLE_authd_callback, error);
    if (!relay->authd)
        return false;
    loop_timer_init(&relay->listening_timer, context->loop, tell_listening, relay);
    inbound_serve(relay->inbound, context->loop);
    tell_listening(relay);
    /* Port 0 has become another. */
    const char *address = context->settings.http_listen;
    log_info("listening at %.*s:%u", (int)(strrchr(address, ':') - address), address,
             (unsigned)inbound_port(relay->inbound));
    return true;
}

void relay_stop(struct service_context *context)
{
    struct relay *relay = context->state;
    if (!relay)
        return;
    for (struct delivery *delivery = LIST_FIRST(&relay->deliveries), *next; delivery; delivery = next) {
        next = LIST_NEXT(delivery, among_deliveries);
        ipc_cancel(delivery->call);
        delivery_free(delivery);
    }
    ipc_cancel(relay->listening_call);
    ipc_cancel(relay->health_call);
    loop_timer_stop(&relay->listening_timer);
    inbound_free(relay->inbound);
    free(relay);
    context->state = NULL;
}

void relay_describe(struct service_context *context, struct service_state *state)
{
    const struct relay *relay = context->state;
    if (!relay->inbound) {
        snprintf(state->summary, sizeof state->summary, "not listening: DDS does not call this node");
        return;
    }
    state->ready = relay->authd_knows;
    snprintf(state->summary, sizeof state->summary, "listening at %s%s", context->settings.http_listen,
             relay->authd_knows ? "" : ", authd does not answer");
}
