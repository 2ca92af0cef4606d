/*
 * A request lives through several attempts. Between them its timer runs, either until the next try or, after
 * a 401, until it gives up waiting for another token. What to do is domain_retry.h's; this file has the
 * clock, the timer and the wire.
 */
#include "services/stored/domain/domain_request.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/retry.h"
#include "libcommon/base/text.h"
#include "libcommon/http/http_clocks.h"
#include "libcommon/http/url.h"
#include "services/stored/domain/domain_retry.h"

#include <stdlib.h>
#include <string.h>

enum {
    WANT_TOKEN_EVERY_MS = 1000,
    WANT_LOST_TOKEN_EVERY_MS = 250, /* leased has it, but may not listen yet */
    STALL_MS = 60000,
    STALL_BYTES_PER_SECOND = 1024,
    ERROR_BODY_SHOWN_BYTES = 160,
    LABEL_BYTES = 208 /* a longer URL is cut */
};

struct domain_request {
    struct domain_access *access;
    LIST_ENTRY(domain_request) link;
    struct domain_request_spec spec; /* strings are own copies, but for the method */
    char *url;
    char label[LABEL_BYTES]; /* method and URL, for errors and logs */
    struct http_call *call;
    struct paced_request paced;
    struct loop_timer timer; /* the next try, or the end of the wait for a token */
    struct domain_retry retry;
    int64_t token_number; /* that the attempt in flight carries */
    bool awaits_token;
    struct error failure; /* of the attempt before, while the next is waited for */
};

static void send_attempt(struct domain_request *request);

/* --- the lease's access --- */

/* Events are hints that may get lost, so this one is repeated for as long as a request waits. */
static void on_want_due(void *context)
{
    struct domain_access *access = context;
    const struct domain_request *request = LIST_FIRST(&access->requests);
    while (request && !request->awaits_token)
        request = LIST_NEXT(request, link);
    if (!request)
        return;
    access->client->want_token(access->client->context, access->log.task_id, access->token_lost);
    loop_timer_start(&access->want_timer,
                     access->token_lost ? WANT_LOST_TOKEN_EVERY_MS : WANT_TOKEN_EVERY_MS);
}

bool domain_access_init(struct domain_access *access, const struct domain_client *client,
                        const char *server_url, const struct log_task *log, struct error *error)
{
    *access = (struct domain_access){.client = client, .log = *log};
    if (!url_is_http(server_url) || strpbrk(server_url, "?#"))
        return error_set(error, ERROR_INVALID, "server_url must be an http or https URL without query");
    access->server_url = memory_copy_text(server_url);
    access->reach = HTTP_REACH_PUBLIC;
    loop_timer_init(&access->want_timer, client->loop, on_want_due, access);
    return true;
}

void domain_access_clear(struct domain_access *access)
{
    loop_timer_stop(&access->want_timer);
    secret_wipe(&access->token);
    free(access->server_url);
    *access = (struct domain_access){0};
}

/* --- the end of a request --- */

static void leave_pacer(struct domain_request *request)
{
    if (request->spec.share)
        pacer_leave(request->spec.share, &request->paced);
}

void domain_request_cancel(struct domain_request *request)
{
    if (!request)
        return;
    loop_timer_stop(&request->timer);
    leave_pacer(request);
    http_cancel(request->call);
    LIST_REMOVE(request, link);
    free((void *)(uintptr_t)request->spec.accept);
    free((void *)(uintptr_t)request->spec.content_type);
    free((void *)(uintptr_t)request->spec.body);
    free(request->url);
    free(request);
}

/* Freed before the call: on_done often frees the session that the request belongs to. */
static void finish(struct domain_request *request, const struct http_response *response,
                   const struct error *failure)
{
    http_done_function *on_done = request->spec.on_done;
    void *context = request->spec.context;
    domain_request_cancel(request);
    on_done(context, response, failure);
}

/* --- trying again --- */

static void await_token(struct domain_request *request, int64_t wait_ms, const char *why)
{
    struct domain_access *access = request->access;
    request->awaits_token = true;
    loop_timer_start(&request->timer, wait_ms);
    if (!loop_timer_running(&access->want_timer)) {
        log_write(LOG_LEVEL_INFO, &access->log, "%s; waiting for another token", why);
        on_want_due(access);
    }
}

static void take_step(struct domain_request *request, struct domain_retry_step step,
                      const struct error *failure)
{
    request->awaits_token = false;
    switch (step.action) {
    case DOMAIN_RETRY_NOW:
        send_attempt(request);
        return;
    case DOMAIN_RETRY_LATER:
        loop_timer_start(&request->timer, step.wait_ms);
        return;
    case DOMAIN_RETRY_AWAIT_TOKEN:
        await_token(request, step.wait_ms, failure->text);
        return;
    case DOMAIN_RETRY_GIVE_UP:
        finish(request, NULL, failure);
        return;
    }
}

static void on_timer(void *context)
{
    struct domain_request *request = context;
    struct error error = request->failure;
    if (!request->awaits_token) {
        take_step(
            request,
            domain_retry_after_wait(&request->retry, clock_boot_ms(), request->access->lease_ends_boot_ms),
            &error);
        return;
    }
    error_set_http_status(&error, 401, request->label);
    error_prefix(&error, "no other token came");
    finish(request, NULL, &error);
}

void domain_access_restore_token(struct domain_access *access, const struct secret *token)
{
    if (!access->token_lost || token->length == 0)
        return;
    secret_assign_locked(&access->token, token->bytes, token->length);
    access->token_lost = false;
}

static void take_token(struct domain_access *access, const struct secret *token)
{
    if (!token->length)
        return;
    if (!secret_equal(&access->token, token)) {
        secret_assign_locked(&access->token, token->bytes, token->length);
        access->token_number++;
    }
    access->token_lost = false;
}

void domain_access_on_heartbeat(struct domain_access *access, const struct secret *token,
                                int64_t heartbeat_boot_ms)
{
    take_token(access, token);
    if (access->token_lost)
        return;
    int64_t now_ms = clock_boot_ms();
    for (struct domain_request *request = LIST_FIRST(&access->requests), *next; request; request = next) {
        next = LIST_NEXT(request, link);
        if (!request->awaits_token)
            continue;
        /* One that waits on keeps its timer; giving up is that timer's, as it may free others of the list. */
        struct domain_retry_step step =
            domain_retry_on_heartbeat(&request->retry, now_ms, access->token_number, heartbeat_boot_ms);
        if (step.action == DOMAIN_RETRY_GIVE_UP) {
            loop_timer_start(&request->timer, 0);
        } else if (step.action == DOMAIN_RETRY_NOW) {
            loop_timer_stop(&request->timer);
            request->awaits_token = false;
            send_attempt(request);
        }
    }
}

/* --- one attempt --- */

static void set_status_error(const struct domain_request *request, const struct http_response *response,
                             struct error *error)
{
    char body[ERROR_BODY_SHOWN_BYTES];
    char clocks[HTTP_CLOCKS_BYTES];
    error_set_http_status(error, response->status, request->label);
    text_one_line(response->body, response->body_bytes, body, sizeof body);
    http_clocks_describe(body, response->date_unix_ms, clock_unix_ms(), clocks);
    size_t used = strlen(error->text);
    text_format(error->text + used, sizeof error->text - used, "%s%s%s%s", *clocks ? "; " : "", clocks,
                *body ? ": " : "", body);
}

/* The client's own refusal has no status. */
static void set_transport_error(const struct error *failure, struct error *error)
{
    *error = *failure;
    if (failure->code == ERROR_FORBIDDEN)
        error_prefix(error, "ALLOW_PRIVATE_DOMAIN_SERVERS is false");
}

/* Order matters: a 401 has rules of its own, then transport, then the status, then what the body says. */
static void on_http_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct domain_request *request = context;
    struct domain_access *access = request->access;
    struct error error;
    int64_t now_ms = clock_boot_ms();
    request->call = NULL;
    leave_pacer(request);
    if (response && response->status == 401 && !request->spec.anonymous && !request->spec.best_effort) {
        set_status_error(request, response, &error);
        take_step(request,
                  domain_retry_after_refusal(&request->retry, now_ms, request->token_number,
                                             access->token_number, access->lease_ends_boot_ms),
                  &error);
        return;
    }
    if (!response)
        set_transport_error(failure, &error);
    else if (response->status < 200 || response->status > 299)
        set_status_error(request, response, &error);
    else if (!request->spec.check || request->spec.check(request->spec.context, response, &error)) {
        finish(request, response, NULL);
        return;
    }
    struct domain_retry_step step = {DOMAIN_RETRY_GIVE_UP, 0};
    if (retry_error_is_transient(&error) && !(error.status && error.status == request->spec.final_status))
        step = domain_retry_after_failure(&request->retry, now_ms, response ? response->retry_after_ms : -1,
                                          access->lease_ends_boot_ms, access->client->random);
    if (step.action == DOMAIN_RETRY_LATER)
        log_write(LOG_LEVEL_WARN, &access->log, "%s; again in %lld ms", error.text,
                  (long long)(request->retry.due_ms - now_ms));
    request->failure = error;
    take_step(request, step, &error);
}

static bool on_http_headers(void *context, const struct http_response *response, struct error *error)
{
    struct domain_request *request = context;
    return request->spec.on_headers(request->spec.context, response, error);
}

static bool on_http_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct domain_request *request = context;
    return request->spec.on_data(request->spec.context, bytes, length, error);
}

static bool on_http_pace(void *context, size_t bytes)
{
    struct domain_request *request = context;
    return pacer_pass(request->spec.share, &request->paced, bytes);
}

static void on_turn(void *context)
{
    struct domain_request *request = context;
    if (request->call)
        http_resume(request->call);
}

static ssize_t on_http_source(void *context, int64_t offset, void *out, size_t capacity)
{
    struct domain_request *request = context;
    return request->spec.source(request->spec.context, offset, out, capacity);
}

/* The URL is made from server_url, so the token cannot reach another origin; redirects elsewhere are refused
 * by http.h. */
static void send_attempt(struct domain_request *request)
{
    struct domain_access *access = request->access;
    const struct domain_client *client = access->client;
    const struct domain_request_spec *spec = &request->spec;
    const struct http_header client_id = {"posemesh-client-id", client->client_id};
    if (spec->on_attempt)
        spec->on_attempt(spec->context);
    request->token_number = access->token_number;
    request->call =
        http_send(client->http, &(struct http_request){
                                    .method = spec->method,
                                    .url = request->url,
                                    .bearer = spec->anonymous ? NULL : &access->token,
                                    .other_secret = spec->anonymous ? &access->token : NULL,
                                    .content_type = spec->content_type,
                                    .accept = spec->accept,
                                    .headers = &client_id,
                                    .header_count = 1,
                                    .body = spec->body,
                                    .body_bytes = spec->body_bytes,
                                    .source = spec->source ? on_http_source : NULL,
                                    .source_bytes = spec->source_bytes,
                                    .timeout_ms = spec->transfer ? 0 : client->request_timeout_ms,
                                    .stall_ms = spec->transfer ? STALL_MS : 0,
                                    .stall_bytes_per_second = STALL_BYTES_PER_SECOND,
                                    .response_limit_bytes = LIMIT_DOMAIN_ANSWER_BYTES,
                                    .reach = access->reach,
                                    .follow_redirects = strcmp(spec->method, "GET") == 0,
                                    .pace = spec->share && pacer_caps(spec->share) ? on_http_pace : NULL,
                                    .on_headers = spec->on_headers ? on_http_headers : NULL,
                                    .on_data = spec->on_data ? on_http_data : NULL,
                                    .on_done = on_http_done,
                                    .context = request,
                                });
}

static void set_label(struct domain_request *request)
{
    struct error ignored;
    char *shown = url_shown(request->url, &ignored);
    text_format(request->label, sizeof request->label, "%s %s", request->spec.method, shown ? shown : "");
    free(shown);
}

struct domain_request *domain_request_send(struct domain_access *access,
                                           const struct domain_request_spec *spec)
{
    struct domain_request *request = memory_allocate(sizeof *request);
    request->access = access;
    request->spec = *spec;
    request->spec.path = NULL;
    request->spec.accept = memory_copy_text(spec->accept);
    request->spec.content_type = memory_copy_text(spec->content_type);
    request->spec.body = spec->body_bytes ? memory_copy_bytes(spec->body, spec->body_bytes) : NULL;
    request->url = url_join(access->server_url, &spec->path, 1);
    set_label(request);
    LIST_INSERT_HEAD(&access->requests, request, link);
    loop_timer_init(&request->timer, access->client->loop, on_timer, request);
    request->paced = (struct paced_request){.resume = on_turn, .context = request};
    domain_retry_start(&request->retry, spec->best_effort, clock_boot_ms());
    if (access->token_lost && !spec->anonymous)
        await_token(request, DOMAIN_RETRY_TOKEN_WAIT_MS, "the token was lost with an earlier run of stored");
    else
        send_attempt(request);
    return request;
}
