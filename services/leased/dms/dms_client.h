/*
 * Requests to DMS: base URL, access token from authd, one repeat with a fresh token after a 401
 * (docs/network.md 3).
 */
#ifndef LEASED_DMS_DMS_CLIENT_H
#define LEASED_DMS_DMS_CLIENT_H

#include "libcommon/ipc/ipc_client.h"
#include "services/leased/dms/dms_reach.h"

struct dms_call;

/* What it works with; borrowed for its life, and longer than any call's. */
struct dms_client {
    struct http_client *http;
    struct ipc_client *authd; /* is asked for tokens */
    const char *base_url;
    struct dms_reach *reach; /* is told how each exchange ended */
};

/* Once, in a later turn; what `answer` points at is gone afterwards. */
typedef void dms_done_function(void *context, const struct dms_answer *answer);

struct dms_request {
    const char *task_id;    /* of a POST; NULL: GET /tasks */
    const char *capability; /* of a GET: leases of this one alone; NULL: any. Copied. */
    const char *action;     /* "heartbeat", "complete", "fail"; NULL with task_id NULL */
    const char *body;       /* JSON; NULL: none. Copied. */
    int64_t timeout_ms;     /* of each exchange with DMS */
    bool bound_token;       /* the wait for a token is bounded by timeout_ms, too: a lease waits for nobody */
    bool fresh_token_on_403; /* a heartbeat's 403 counts only with a fresh token */
    size_t answer_limit_bytes;
    dms_done_function *on_done;
    void *context;
};

/* Valid until on_done is called or dms_cancel(). */
struct dms_call *dms_send(const struct dms_client *client, const struct dms_request *request);

/* Whether the request has gone to DMS, or still waits for a token. */
bool dms_call_is_sent(const struct dms_call *call);
void dms_cancel(struct dms_call *call);

#endif
