/*
 * Takes connections from the listening socket for libmicrohttpd, which would take none at its limit and let
 * none go: who is slow could keep all others out (connection_table.h).
 */
#ifndef HTTPD_ACCEPTOR_H
#define HTTPD_ACCEPTOR_H

#include "libcommon/loop/loop.h"
#include "services/httpd/connection_table.h"

#include <microhttpd.h>

struct acceptor;

/* Takes `listener`, which it closes in the end and never shuts down: others may hold it, too. */
struct acceptor *acceptor_create(int listener);

/* After the daemon, whose connections it knows until then. */
void acceptor_free(struct acceptor *acceptor);

/* The most connections that the daemon gets. */
unsigned acceptor_limit(const struct acceptor *acceptor);

/* For MHD_OPTION_NOTIFY_CONNECTION; the context is the acceptor. */
void acceptor_on_connection(void *context, struct MHD_Connection *connection, void **slot,
                            enum MHD_ConnectionNotificationCode code);

struct connection *acceptor_connection_of(struct MHD_Connection *connection);

/* `run` is called when the daemon has something to do. acceptor_stop() ends it. */
void acceptor_serve(struct acceptor *acceptor, struct loop *loop, struct MHD_Daemon *daemon,
                    void (*run)(void *context), void *context);
void acceptor_stop(struct acceptor *acceptor);

/* After the daemon has run: connections may have ended, and there may be places again. */
void acceptor_look_for_places(struct acceptor *acceptor);

uint16_t acceptor_port(const struct acceptor *acceptor);

#endif
