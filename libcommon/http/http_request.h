/* What a caller asked for, copied and checked, and where redirects may lead it. */
#ifndef LIBCOMMON_HTTP_HTTP_REQUEST_H
#define LIBCOMMON_HTTP_HTTP_REQUEST_H

#include "libcommon/http/http_call.h"

/* Copies and checks a request into the call; on false the call is still to be freed with
 * http_transfer_clear(). */
bool http_request_prepare(struct http_call *call, const struct http_request *request, struct error *error);

/* Moves the call to the answer's Location, or says why it must not go there. */
bool http_request_redirect(struct http_call *call, struct error *error);

#endif
