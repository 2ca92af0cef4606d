/* How a request to DMS ended. */
#ifndef LEASED_DMS_DMS_ANSWER_H
#define LEASED_DMS_DMS_ANSWER_H

#include "libcommon/http/http.h"

struct dms_answer {
    const struct http_response *response; /* NULL when `failure` is not */
    const struct error *failure;          /* transport, timeout, or no token to be had */
    bool no_token;                        /* authd gave none: `failure` is its reason */
    bool sent;            /* the request may have reached DMS, whatever became of the answer */
    int64_t sent_boot_ms; /* when the request went that was answered */
};

/* "GET https://dms:443/v1/tasks answered 503: <what it said>" on one line, for logs. */
enum { DMS_TEXT_BYTES = ERROR_TEXT_BYTES };
const char *dms_describe(const struct dms_answer *answer, char out[DMS_TEXT_BYTES]);

#endif
