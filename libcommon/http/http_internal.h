/*
 * What the parts of the HTTP client share: http.c (the client, calls and their end), http_request.c (what a
 * caller asked for, and where redirects may go), http_transfer.c (curl's view of it) and http_response.c (an
 * answer as it comes in).
 */
#ifndef LIBCOMMON_HTTP_HTTP_INTERNAL_H
#define LIBCOMMON_HTTP_HTTP_INTERNAL_H

#include "libcommon/http/http.h"

#include <curl/curl.h>

enum {
    HTTP_RESPONSE_LIMIT_BYTES = 64 * 1024, /* of a body in memory, unless the request says otherwise */
    HTTP_HEADER_LINES = 256,               /* of one answer, interim answers and trailers included */
    HTTP_HEADERS_BYTES = 128 * 1024,
    HTTP_REDIRECTS = 5,     /* docs/network.md 1 */
    HTTP_STALL_SLICES = 8,  /* a stall is noticed an eighth of stall_ms late at most */
    HTTP_LABEL_BYTES = 224, /* leaves room for the reason in an error's text */
    HTTP_STREAM_BUFFER_BYTES = 512 * 1024
};

/* One answer while it comes in; all zero is an empty one. */
struct http_answer {
    int status;         /* set once the headers are complete; 0 before */
    char *content_type; /* NULL when missing */
    char *location;
    char *retry_after;
    char *date;
    size_t header_lines;
    size_t header_bytes;
    char *body; /* NULL when empty */
    size_t body_bytes;
    size_t body_capacity;
    bool body_cut;
};

void http_answer_clear(struct http_answer *answer);

/* Takes one line of a header block as it came, its line end included. The empty line sets `status`. */
bool http_answer_take_line(struct http_answer *answer, const char *line, size_t length, int status,
                           struct error *error);

/*
 * Adds to the body in memory. Above `limit_bytes` it returns false: with an error for a 2xx answer, with
 * body_cut for others, whose status matters more than their text.
 */
bool http_answer_add_body(struct http_answer *answer, const void *bytes, size_t length, size_t limit_bytes,
                          struct error *error);

bool http_answer_is_success(const struct http_answer *answer);

/* 301, 302, 303, 307 or 308 with a Location. */
bool http_answer_is_redirect(const struct http_answer *answer);

/* The answer as callers see it; points into `answer`. */
void http_answer_view(const struct http_answer *answer, int64_t now_unix_ms, struct http_response *response);

struct http_call {
    struct http_client *client;
    struct http_call *next;
    struct http_call **link; /* what points at this call */

    struct http_request
        request; /* scalars and callbacks; its pointers to text are NULL but for `method` and `url` */
    char *method;
    char *url; /* of the present hop */
    char *user_agent;
    char *body;
    bool has_body;
    struct curl_slist *headers;
    char label[HTTP_LABEL_BYTES]; /* method and URL without what may be secret in it; for errors */

    CURL *easy; /* NULL before the call has begun */
    bool added; /* to the multi */
    bool cancelled;
    bool reporting; /* on_done is running */
    char curl_text[CURL_ERROR_SIZE];
    struct http_answer answer;
    bool failed; /* `failure` says why; takes precedence over what curl says */
    struct error failure;

    int64_t body_offset;
    int64_t received_bytes;
    int issues; /* how often curl has put the present hop's request on a connection */
    int redirects;

    struct loop_timer start_timer;
    struct loop_timer timeout_timer;
    struct loop_timer stall_timer;
    int64_t stall_marks[HTTP_STALL_SLICES]; /* bytes moved by the last ticks of stall_timer */
    size_t stall_ticks;
};

/* Copies and checks a request into the call; on false the call is still to be freed with
 * http_transfer_clear(). */
bool http_transfer_prepare(struct http_call *call, const struct http_request *request, struct error *error);

/* Gives the call its easy handle. */
void http_transfer_configure(struct http_call *call, int64_t connect_timeout_ms);

/* Moves the call to the answer's Location, or says why it must not go there. */
bool http_transfer_redirect(struct http_call *call, struct error *error);

/* Fills `error` from curl's. Returns false. */
bool http_transfer_failure(const struct http_call *call, CURLcode code, struct error *error);

/* Wipes and frees all but the struct; the easy handle must be out of the multi. */
void http_transfer_clear(struct http_call *call);

/* Called when a request goes onto its connection: from there on it may stall. */
void http_call_watch_stall(struct http_call *call);

#endif
