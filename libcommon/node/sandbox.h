/*
 * What a service may do once it runs, and nothing else: system calls (seccomp; what no row of sandbox_calls.c
 * allows kills the process), files and TCP ports (Landlock; sandbox_files.c). Applied in the start sequence
 * before the first thread, so that it covers all of them.
 *
 * runnerd is the exception: what it starts inherits its sandbox, and that is the operator's own program with
 * needs of its own (a GPU, a cache, a model's folder). It has a list of what no job needs, refused with
 * EPERM.
 */
#ifndef LIBCOMMON_NODE_SANDBOX_H
#define LIBCOMMON_NODE_SANDBOX_H

#include "libcommon/base/error.h"
#include "libcommon/confine/landlock.h"
#include "libcommon/node/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum { SANDBOX_TEXT_BYTES = 128 };

/*
 * The first part of it, while a service may still be root: sandbox_sockets.c. httpd may make no socket of the
 * network, but a TCP socket that it has, or accepts there, can be taken apart and connected to anything, and
 * a filter of calls cannot see where to. From here on no such connection comes about, whatever the kernel's
 * Landlock knows of ports; one that waited to be accepted before is not covered.
 */
bool sandbox_limit_sockets(enum service_id service, struct error *error);

/*
 * Grants the folders of `settings`, where it has them, and connections to `peer_port`, of the one service
 * that this one calls outside (0: to any). `text` gets what is in force, for log and status: "system calls,
 * files, ports". Needs no_new_privs.
 */
bool sandbox_apply(enum service_id service, const struct settings *settings, uint16_t peer_port,
                   char text[SANDBOX_TEXT_BYTES], struct error *error);

/* A step of it: sandbox_files.c. `landlock` tells what the kernel can; it is over already. */
bool sandbox_limit_files(enum service_id service, const struct settings *settings, uint16_t peer_port,
                         struct landlock *landlock, struct error *error);

/* The last step, since it forbids what the others need: sandbox_calls.c. */
bool sandbox_limit_calls(enum service_id service, struct error *error);

#endif
