/*
 * Requests to a lease's domain server by the rules of docs/network.md 4: the lease's token (to its
 * server_url's origin alone) and the client id, retries, and the wait for another token after a 401.
 */
#ifndef STORED_DOMAIN_DOMAIN_REQUEST_H
#define STORED_DOMAIN_DOMAIN_REQUEST_H

#include "libcommon/base/log.h"
#include "libcommon/base/random.h"
#include "libcommon/base/secret.h"
#include "libcommon/http/http.h"
#include "libcommon/loop/loop.h"
#include "services/stored/transfers/pacer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct domain_request;

/* What all sessions share. */
struct domain_client {
    struct loop *loop;
    struct http_client *http;
    struct random *random;
    const char *client_id;
    int64_t request_timeout_ms;
    /* Asks for a token; may get lost. `lost`: any will do, else another one than before. */
    void (*want_token)(void *context, const char *task_id, bool lost);
    void *context;
};

/* One lease's way to its domain server. */
struct domain_access {
    const struct domain_client *client;
    struct log_task log; /* texts are borrowed */
    char *server_url;
    enum http_reach reach; /* of the server; domain_access_init() leaves it public addresses */
    struct secret token;
    int64_t token_number; /* counts the different tokens */
    bool token_lost;      /* by a restart: requests wait for one */
    int64_t lease_ends_boot_ms;
    LIST_HEAD(domain_request_list, domain_request) requests;
    struct loop_timer want_timer;
};

/* `server_url` is copied. False when it is not an http or https URL, or has a query or a fragment. */
bool domain_access_init(struct domain_access *access, const struct domain_client *client,
                        const char *server_url, const struct log_task *log, struct error *error);

/* Requests must be done or cancelled. */
void domain_access_clear(struct domain_access *access);

/* Gives a token that a restart lost back, for what is sent from now on; what waits goes on waiting. */
void domain_access_restore_token(struct domain_access *access, const struct secret *token);

/*
 * A heartbeat that leased sent at `heartbeat_boot_ms` was answered. `token` (empty: none) is what the lease
 * has by now: it counts from the next attempt on, and requests that wait for another go on, or give up.
 */
void domain_access_on_heartbeat(struct domain_access *access, const struct secret *token,
                                int64_t heartbeat_boot_ms);

struct domain_request_spec {
    const char *method;
    const char *path; /* below server_url, encoded, with its query */
    const char *accept;
    const char *content_type;
    const void *body; /* copied */
    size_t body_bytes;
    http_source_function *source;
    int64_t source_bytes;
    bool transfer; /* moves bulk data: bounded by stalling, not by REQUEST_TIMEOUT_SECS */
    struct pacer_share
        *share;       /* of a transfer: it is held up as that says. NULL: never; outlives the request */
    bool anonymous;   /* carries no token */
    bool best_effort; /* three tries, and a 401 is final */
    int final_status; /* one that would be tried again otherwise; 0: none */

    void (*on_attempt)(void *context); /* may be NULL: before each try; what came before counts no more */
    http_headers_function *on_headers;
    http_data_function *on_data;
    /* May be NULL: whether a 2xx answer is right; ERROR_NETWORK has the request tried again. */
    bool (*check)(void *context, const struct http_response *response, struct error *error);
    /* Once: a 2xx answer, or why there is none (`failure->status` is the answer's). The request is gone by
     * then. */
    http_done_function *on_done;
    void *context;
};

/* Strings are copied. The pointer is valid until on_done or domain_request_cancel(). */
struct domain_request *domain_request_send(struct domain_access *access,
                                           const struct domain_request_spec *spec);

/* Ends a request without on_done. NULL is harmless. */
void domain_request_cancel(struct domain_request *request);

#endif
