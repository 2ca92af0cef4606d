/* HTTP: two listeners (the network's and the trap's), one thread for each connection. */
#ifndef DEVNET_SERVER_H
#define DEVNET_SERVER_H

#include "libcommon/base/error.h"

struct devnet;
struct server;

/* Listens on `listen` ("127.0.0.1:0": the kernel picks the port) and fills the devnet's two origins. */
struct server *server_start(struct devnet *devnet, const char *listen, struct error *error);

/* Stops listening, lets requests under way end, frees. */
void server_stop(struct server *server);

#endif
