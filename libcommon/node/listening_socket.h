/*
 * HTTP_LISTEN's socket. Whoever holds it outlives httpd: while that restarts, connections wait in the kernel,
 * and no other user of the machine can take the port and be told what DDS says. posemesh-node hands it to
 * httpd at the descriptor that POSEMESH_LISTEN_FD names; systemd and others that speak its protocol
 * (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS) hand it to either.
 */
#ifndef LIBCOMMON_NODE_LISTENING_SOCKET_H
#define LIBCOMMON_NODE_LISTENING_SOCKET_H

#include "libcommon/base/error.h"

#include <stdint.h>

#define LISTENING_SOCKET_VARIABLE "POSEMESH_LISTEN_FD"

/*
 * The socket that was handed down and listens by TCP at `address`, or a new one where there is none: at
 * "host:port" or "[v6 address]:port" (IPv6 alone), the first address of a name; port 0 is any. It blocks
 * nobody and no program that is started inherits it. -1 when the port is taken (ERROR_CONFLICT) or the
 * address makes no sense.
 */
int listening_socket_take(const char *address, struct error *error);

/* The port that it listens at; 0 when it is no TCP socket. */
uint16_t listening_socket_port(int fd);

#endif
