/*
 * Who a call is connected to: the addresses that it must not reach, and what an operator is warned of. It is
 * the connected address that decides, each time, so that a name may resolve to whatever it likes.
 *
 * curl connects directly to the port that the URL has; any other port is a proxy's. A proxy at the very same
 * port is taken for the server, which errs on the side of refusing: what must not be reached is refused, and
 * while a proxy is set at all, no peer counts as private.
 */
#ifndef LIBCOMMON_HTTP_HTTP_PEER_H
#define LIBCOMMON_HTTP_HTTP_PEER_H

#include "libcommon/base/error.h"
#include "libcommon/http/address_class.h"

#include <stdbool.h>
#include <stddef.h>

struct http_call;

enum { HTTP_PEER_ORIGINS = 32 };

/* What one client has warned of already; all zero is nothing. */
struct http_peer_warnings {
    char *origins[HTTP_PEER_ORIGINS]; /* called in plain HTTP; the oldest makes room */
    size_t origin_count;              /* so many were there */
    bool proxy;
};

void http_peer_warnings_clear(struct http_peer_warnings *warnings);

/* Looks at each address before the call's handle connects to it. */
void http_peer_configure(struct http_call *call);

/*
 * Before a request goes out on a connection, an earlier call's perhaps, whose other end curl names. False,
 * with `error` filled, when it must not; on true it is known who answers.
 */
bool http_peer_check(struct http_call *call, const char *remote, int remote_port, struct error *error);

/* Whether no address was left that the call may be connected to; `error` then says which it was. */
bool http_peer_refused_all(const struct http_call *call, struct error *error);

#endif
