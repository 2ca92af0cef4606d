#include "services/authd/dds/dds_call.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/http/http_clocks.h"
#include "libcommon/http/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HTTP_UNAUTHORIZED = 401, HTTP_FORBIDDEN = 403, HTTP_NOT_FOUND = 404, HTTP_METHOD_NOT_ALLOWED = 405 };

struct dds_call {
    const struct dds_client *client;
    const struct text_list *capabilities;
    const struct dds_step *step; /* static */
    struct http_call *http_call;
    int64_t sent_boot_ms;
    dds_done_function *on_done;
    void *context;
};

void dds_cancel(struct dds_call *call)
{
    if (!call)
        return;
    http_cancel(call->http_call);
    free(call);
}

const struct dds_client *dds_call_client(const struct dds_call *call)
{
    return call->client;
}

const struct text_list *dds_call_capabilities(const struct dds_call *call)
{
    return call->capabilities;
}

/* --- answers --- */

/* The setting that such an answer casts doubt on. */
static const char *suspect(const struct dds_call *call, int status)
{
    if (call->step->has_credentials && (status == HTTP_UNAUTHORIZED || status == HTTP_FORBIDDEN))
        return call->client->wallet ? " (is REG_SECRET right?)"
                                    : " (are ROBOT_REGISTRATION_CREDENTIALS right?)";
    if (!call->step->is_login && (status == HTTP_NOT_FOUND || status == HTTP_METHOD_NOT_ALLOWED))
        return " (is DDS_BASE_URL right?)";
    return "";
}

static void explain_status(const struct dds_call *call, const struct http_response *response,
                           char reason[DDS_REASON_BYTES])
{
    char line[LIMIT_ERROR_BODY_LOGGED_BYTES + 1];
    char clocks[HTTP_CLOCKS_BYTES];
    text_one_line(response->body, response->body_bytes, line, sizeof line);
    http_clocks_describe(line, response->date_unix_ms, clock_unix_ms(), clocks);
    text_format(reason, DDS_REASON_BYTES, "%s answered %d%s%s%s%s%s", response->request, response->status,
                suspect(call, response->status), *line ? ": " : "", line, *clocks ? "; " : "", clocks);
}

/* An answer of no use, perhaps because its times are another clock's. */
static void explain_reply(const struct http_response *response, const struct error *error,
                          char reason[DDS_REASON_BYTES])
{
    char clocks[HTTP_CLOCKS_BYTES];
    http_clocks_describe(error->text, response->date_unix_ms, clock_unix_ms(), clocks);
    text_format(reason, DDS_REASON_BYTES, "%s: %s%s%s", response->request, error->text, *clocks ? "; " : "",
                clocks);
}

/* A 2xx: it may bring a token, begin the next request, or be of no use. */
static void read_reply(struct dds_call *call, const struct http_response *response,
                       struct token_answer *token, struct dds_answer *answer)
{
    struct error error;
    const struct dds_reply reply = {.body = response->body,
                                    .body_bytes = response->body_bytes,
                                    .server_unix_ms =
                                        clock_server_unix_ms(response->date_unix_ms, clock_unix_ms())};
    answer->accepted = !call->step->read || call->step->read(call, &reply, token, &error);
    if (answer->accepted)
        return;
    answer->status = 0;
    explain_reply(response, &error, answer->reason);
}

static void finish(struct dds_call *call, const struct dds_answer *answer)
{
    dds_done_function *on_done = call->on_done;
    void *target = call->context;
    free(call);
    on_done(target, answer);
}

static void on_http_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct dds_call *call = context;
    struct token_answer token = {.token = SECRET_EMPTY};
    struct dds_answer answer = {.retry_after_ms = -1, .sent_boot_ms = call->sent_boot_ms};
    call->http_call = NULL;
    if (!response) {
        text_format(answer.reason, sizeof answer.reason, "cannot reach DDS (DDS_BASE_URL): %s",
                    failure->text);
    } else if (response->status >= 200 && response->status <= 299) {
        answer.status = response->status;
        read_reply(call, response, &token, &answer);
    } else {
        answer.status = response->status;
        answer.retry_after_ms = response->retry_after_ms;
        answer.unknown_node = call->step->is_login &&
                              (response->status == HTTP_FORBIDDEN || response->status == HTTP_NOT_FOUND);
        explain_status(call, response, answer.reason);
    }
    if (call->http_call)
        return; /* goes on with its next request */
    if (token.token.length) {
        token.date_unix_ms = response->date_unix_ms;
        answer.token = &token;
    }
    finish(call, &answer);
    token_answer_clear(&token);
}

/* --- requests --- */

static bool ignore_data(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)context;
    (void)bytes;
    (void)length;
    (void)error;
    return true;
}

static void post(struct dds_call *call, const char *url, const struct json_writer *body,
                 const struct secret *signature)
{
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .content_type = "application/json",
                                         .accept = "application/json",
                                         .body = body->text,
                                         .body_bytes = body->length,
                                         .body_secret = call->client->credentials,
                                         .other_secret = signature,
                                         .timeout_ms = call->client->timeout_ms,
                                         .response_limit_bytes = LIMIT_DDS_ANSWER_BYTES,
                                         .on_data = call->step->read ? NULL : ignore_data,
                                         .on_done = on_http_done,
                                         .context = call};
    call->sent_boot_ms = clock_boot_ms();
    call->http_call = http_send(call->client->http, &request);
}

bool dds_call_send(struct dds_call *call, const struct dds_step *step, struct json_writer *body,
                   const char *signature, struct error *error)
{
    struct secret other = SECRET_EMPTY;
    char *url = url_join(call->client->base_url, &step->path, 1);
    bool ok = url_same_origin(url, call->client->base_url) ||
              error_set(error, ERROR_FORBIDDEN, "%s is not at DDS_BASE_URL", step->path);
    if (ok) {
        call->step = step;
        if (signature)
            secret_assign(&other, signature, strlen(signature));
        post(call, url, body, &other);
    }
    secret_wipe(&other);
    free(url);
    json_writer_clear(body);
    return ok;
}

struct dds_call *dds_call_begin(const struct dds_client *client, const struct text_list *capabilities,
                                const struct dds_step *step, struct json_writer *body,
                                dds_done_function *on_done, void *context, struct error *error)
{
    struct dds_call *call = memory_allocate(sizeof *call);
    *call = (struct dds_call){
        .client = client, .capabilities = capabilities, .on_done = on_done, .context = context};
    if (dds_call_send(call, step, body, NULL, error))
        return call;
    free(call);
    return NULL;
}
