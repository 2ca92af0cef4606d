/*
 * A call as the parts of the client see it: http_client.c (the client, calls and their end), http_request.c
 * (what a caller asked for, and where redirects may go) and http_transfer.c (curl's view of it: its easy
 * handle and the functions that curl calls).
 */
#ifndef LIBCOMMON_HTTP_HTTP_CALL_H
#define LIBCOMMON_HTTP_HTTP_CALL_H

#include "libcommon/http/http.h"
#include "libcommon/http/http_response.h"
#include "libcommon/http/http_stall.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum { HTTP_LABEL_BYTES = 224 }; /* leaves room for the reason in an error's text */

struct http_call {
    struct http_client *client;
    LIST_ENTRY(http_call) others; /* of the client */

    struct http_request request; /* scalars and callbacks; its texts are NULL but for `method` */
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

    bool held;     /* by its pace, until http_resume() */
    bool was_held; /* since its stall began to be watched */
    int64_t body_offset;
    int issues; /* how often curl has put the present hop's request on a connection */
    int redirects;

    struct loop_timer start_timer;
    struct loop_timer timeout_timer;
    struct http_stall stall;
};

/* Copies and checks a request into the call; on false the call is still to be freed with
 * http_transfer_clear(). */
bool http_request_prepare(struct http_call *call, const struct http_request *request, struct error *error);

/* Moves the call to the answer's Location, or says why it must not go there. */
bool http_request_redirect(struct http_call *call, struct error *error);

/* Gives the call its easy handle. `fresh_connection`: it goes on none that was kept. */
void http_transfer_configure(struct http_call *call, bool fresh_connection);

/* Fills `error` from curl's. Returns false. */
bool http_transfer_failure(const struct http_call *call, CURLcode code, struct error *error);

/* Wipes and frees all but the struct; the easy handle must be out of the multi. */
void http_transfer_clear(struct http_call *call);

#endif
