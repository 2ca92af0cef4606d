/*
 * A call as the parts of the client see it: http_client.c (the client, calls and their end), http_request.c
 * (what a caller asked for, and where redirects may go) and http_transfer.c (curl's view of it: its easy
 * handle and the functions that curl calls).
 */
#ifndef LIBCOMMON_HTTP_HTTP_CALL_H
#define LIBCOMMON_HTTP_HTTP_CALL_H

#include "libcommon/http/address_class.h"
#include "libcommon/http/http.h"
#include "libcommon/http/http_response.h"
#include "libcommon/http/http_stall.h"

#include <curl/curl.h>
#include <sys/queue.h>

enum {
    HTTP_LABEL_BYTES = 224,               /* leaves room for the reason in an error's text */
    HTTP_RESPONSE_LIMIT_BYTES = 64 * 1024 /* of a body in memory, unless the request says otherwise */
};

enum { HTTP_SECRET_BEARER, HTTP_SECRET_BODY, HTTP_SECRET_OTHER, HTTP_SECRET_PASSWORD, HTTP_SECRETS };

struct http_peer_warnings;

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
    struct secret secrets[HTTP_SECRETS]; /* that it sends; empty ones: none */
    char label[HTTP_LABEL_BYTES];        /* method and URL without what may be secret in it; for errors */

    CURL *easy; /* NULL before the call has begun */
    bool added; /* to the multi */
    bool cancelled;
    bool reporting; /* on_done is running */
    char curl_text[CURL_ERROR_SIZE];
    struct http_answer answer;
    bool failed; /* `failure` says why; takes precedence over what curl says */
    struct error failure;

    struct http_peer_warnings *peer_warnings; /* the client's */
    char refused[ADDRESS_TEXT_BYTES + 32];    /* the last address that it must not be connected to */
    bool peer_tried;                          /* one that it may be connected to was tried */
    bool peer_private;                        /* who answers is at a loopback or private address */

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

/* Takes what the call sent as a secret out of what is handed on: its failure, or an answer other than 2xx. */
void http_request_mask(struct http_call *call);

/* Gives the call its easy handle. `fresh_connection`: it goes on none that was kept. */
void http_transfer_configure(struct http_call *call, bool fresh_connection);

/* Fills `error` from curl's. Returns false. */
bool http_transfer_failure(const struct http_call *call, CURLcode code, struct error *error);

/* Wipes and frees all but the struct; the easy handle must be out of the multi. */
void http_transfer_clear(struct http_call *call);

#endif
