/* curl's view of a call: its easy handle and the functions that curl calls. */
#ifndef LIBCOMMON_HTTP_HTTP_TRANSFER_H
#define LIBCOMMON_HTTP_HTTP_TRANSFER_H

#include "libcommon/http/http_call.h"

/* Gives the call its easy handle. `fresh_connection`: it goes on none that was kept. */
void http_transfer_configure(struct http_call *call, int64_t connect_timeout_ms, bool fresh_connection);

/* Fills `error` from curl's. Returns false. */
bool http_transfer_failure(const struct http_call *call, CURLcode code, struct error *error);

/* Wipes and frees all but the struct; the easy handle must be out of the multi. */
void http_transfer_clear(struct http_call *call);

#endif
