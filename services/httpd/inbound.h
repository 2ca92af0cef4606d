/*
 * The public endpoint: GET /health and DDS's callback (docs/network.md 1.1), on libmicrohttpd inside the
 * event loop. Bodies, connections and times are bounded by libcommon/base/limits.h; no log line has a path.
 */
#ifndef HTTPD_INBOUND_H
#define HTTPD_INBOUND_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"
#include "libcommon/loop/loop.h"

#include <stdint.h>

struct inbound;
struct inbound_request;

struct inbound_events {
    /*
     * A callback arrived whole. inbound_answer() ends it, later or at once; `body` and `content_type` (may be
     * NULL) are the request's until then.
     */
    void (*callback)(void *context, struct inbound_request *request, const struct secret *body,
                     const char *content_type);
    /* Somebody whose User-Agent is DDS's asked for /health. */
    void (*health_check)(void *context);
    void *context;
};

/*
 * Takes `listener` (listening_socket_take()), also when it fails. Serves once inbound_serve() was called.
 * `path` has to stand before the paths of callback and health (settings_path_of_url()); NULL: anything may.
 */
struct inbound *inbound_create(int listener, const char *path, const struct inbound_events *events,
                               struct error *error);

/* The port that it listens at. */
uint16_t inbound_port(const struct inbound *inbound);

/* `loop` carries the endpoint from now on, and outlives it. */
void inbound_serve(struct inbound *inbound, struct loop *loop);

/* Requests that wait for an answer get 503 at best, or are dropped: no inbound_answer() for them any more.
 * NULL is harmless. */
void inbound_free(struct inbound *inbound);

/* Answers a callback, once; `body` is copied. The request is gone after it, its client gone or not. */
void inbound_answer(struct inbound_request *request, int status, const char *body);

#endif
