/*
 * The HTTP client: curl multi on the event loop, one connection pool for a process.
 *
 * TLS certificates are always verified; proxies and extra CAs work as in curl (http_proxy, SSL_CERT_FILE,
 * ...). Requests are sent once, by curl too: repeating is the caller's (libcommon/base/retry.h), who knows
 * what a repeat means. Bodies in memory are bounded; larger ones stream from a source or into a sink.
 */
#ifndef LIBCOMMON_HTTP_HTTP_H
#define LIBCOMMON_HTTP_HTTP_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"
#include "libcommon/loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_client;
struct http_call;

struct http_header {
    const char *name;
    const char *value;
};

struct http_response {
    int status;
    const char
        *request; /* method and URL (url_shown) that it answers, "POST https://h:443/a"; in on_done alone */
    const char *body;         /* NUL-terminated; "" when it went to on_data or there was none */
    size_t body_bytes;        /* of `body` */
    bool body_cut;            /* an answer other than 2xx had more body than is kept */
    const char *content_type; /* "" when the header is missing */
    int64_t retry_after_ms;   /* from Retry-After (seconds or a date, RFC 9110 10.2.3); -1 when missing or
                                 malformed */
    int64_t date_unix_ms;     /* from Date; -1 when missing or malformed */
    bool from_private; /* the server was reached, not through a proxy, at an address that HTTP_REACH_PUBLIC
                          would not reach; false for link-local ones */
};

/* What a server's address may be; it is the connected one that counts, whatever its name resolves to. Through
 * a proxy nothing is bounded, which is warned of once. */
enum http_reach {
    HTTP_REACH_ALL,
    HTTP_REACH_PRIVATE, /* all but link-local ones */
    HTTP_REACH_PUBLIC   /* nor loopback, nor private networks (address_class.h) */
};

/*
 * Reads up to `capacity` bytes of a request body at `offset` into `out`; returns how many, or -1 when it
 * cannot (the call then fails with ERROR_SYSTEM; so it does for 0, the end before source_bytes). Taking the
 * offset lets curl rewind.
 */
typedef ssize_t http_source_function(void *context, int64_t offset, void *out, size_t capacity);

/*
 * Called once, when the status and the headers of a 2xx answer are there and before its first byte of body,
 * for requests that have on_data. Returning false ends the call with the error that it filled.
 */
typedef bool http_headers_function(void *context, const struct http_response *response, struct error *error);

/* A piece of a 2xx body, 16 KiB at most. Returning false ends the call with the error that it filled. */
typedef bool http_data_function(void *context, const void *bytes, size_t length, struct error *error);

/*
 * Whether so many bytes of a body may pass now: of the request as they are to be read, of a 2xx answer as
 * they are to go to on_data; 16 KiB at most. False: the call is held until http_resume().
 */
typedef bool http_pace_function(void *context, size_t bytes);

/*
 * The end of a call, once, in a later turn of the loop than http_send(). Exactly one of the two is not NULL:
 * `response` when an answer arrived whole, whatever its status; `failure` (ERROR_NETWORK, ERROR_TIMEOUT,
 * ERROR_TOO_LARGE, ERROR_INVALID for a refused redirect, an unusable URL or a header with control characters,
 * ERROR_FORBIDDEN for a server at none of the addresses of `reach`, ERROR_SYSTEM, or what on_headers/on_data
 * filled) when none did. Both are gone after the function has returned.
 *
 * SECURITY: what the call sent as a secret (bearer, body_secret, a password in the URL, a user name there
 * that stands alone) and its `other_secret` are masked in a failure's text and in all of an answer other than
 * 2xx, so that either may be quoted (secret_mask.h).
 */
typedef void http_done_function(void *context, const struct http_response *response,
                                const struct error *failure);

/* That curl reads a proxy from; initialises an array. */
#define HTTP_PROXY_VARIABLES                                                                                 \
    {                                                                                                        \
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"                                 \
    }

struct http_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    const char *url;    /* http or https, LIMIT_URL_BYTES at most; errors leave out its query and user name */
    const struct secret *bearer; /* sent as "Authorization: Bearer ..."; NULL or empty: none */
    const char *content_type;    /* NULL: none */
    const char *accept;          /* NULL: any */
    const char *user_agent;      /* NULL: posemesh-compute-node/<version> */
    const struct http_header *headers;
    size_t header_count;

    /* The body: at most one of the two kinds. */
    const void *body; /* copied (and wiped after the call when there is a `body_secret`) */
    size_t body_bytes;
    const struct secret *body_secret;  /* what of the body is one; copied. NULL: nothing */
    const struct secret *other_secret; /* what the server may quote besides: sent to it by another call, or a
                                          second one of the body; copied. NULL: nothing */
    http_source_function *source;
    int64_t source_bytes;

    int64_t timeout_ms; /* of the whole call; 0: none */
    int64_t stall_ms;   /* fails after so long with under `stall_bytes_per_second`; 0: no such bound */
    long stall_bytes_per_second;
    size_t response_limit_bytes; /* of a body kept in memory; more is ERROR_TOO_LARGE. 0: 64 KiB, of which
                                    an answer other than 2xx has no more in any case */
    enum http_reach reach;
    bool follow_redirects; /* for GET, within the URL's origin, 5 at most; one elsewhere fails the call */

    http_pace_function *pace;          /* may be NULL: nothing is held. The time of waiting is no stall */
    http_headers_function *on_headers; /* may be NULL */
    http_data_function *on_data;       /* may be NULL; when set, 2xx bodies go there, others stay in memory */
    http_done_function *on_done;
    void *context;
};

/* After curl_global_init(). Name resolution, TCP and TLS together may take 20 s. */
struct http_client *http_client_create(struct loop *loop);

/* Cancels what is in flight (no on_done) and closes all connections. Before loop_free(). From a callback it
 * is safe too. */
void http_client_free(struct http_client *client);

/*
 * Starts a request. Everything `request` points at is copied, except `source`/`context` targets, which must
 * live until on_done or http_cancel(). Never fails: what goes wrong arrives through on_done. The call is the
 * client's: the pointer is valid until on_done has returned or http_cancel() is called.
 */
struct http_call *http_send(struct http_client *client, const struct http_request *request);

/*
 * Ends a call without on_done or any other callback; safe in every callback of every call. The connection is
 * closed when a request was on it. NULL is harmless.
 */
void http_cancel(struct http_call *call);

/* Goes on with a call that its `pace` has held; harmless for others. The call may end in it. */
void http_resume(struct http_call *call);

/* Whether the request has begun to go out on a connection: if not, it cannot have arrived. In on_done too. */
bool http_call_is_sent(const struct http_call *call);

#endif
