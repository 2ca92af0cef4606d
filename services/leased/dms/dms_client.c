#include "services/leased/dms/dms_client.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"

#include <stdlib.h>
#include <string.h>

struct dms_call {
    const struct dms_client *client;
    struct dms_request request;
    char *url;
    char *body;
    bool repeated; /* with a fresh token: a second refusal is final */
    int64_t token_number;
    int64_t refused_token;
    int64_t sent_boot_ms;
    bool arrival_possible; /* it went out, and what came was no refused token */
    struct ipc_call *token_call;
    struct http_call *http_call;
};

static void ask_token(struct dms_call *call);

void dms_cancel(struct dms_call *call)
{
    if (!call)
        return;
    ipc_cancel(call->token_call);
    http_cancel(call->http_call);
    free(call->url);
    free(call->body);
    free(call);
}

static void finish(struct dms_call *call, const struct http_response *response, const struct error *failure,
                   bool no_token)
{
    const struct dms_answer answer = {.response = response,
                                      .failure = failure,
                                      .no_token = no_token,
                                      .sent = call->arrival_possible,
                                      .sent_boot_ms = call->sent_boot_ms};
    dms_reach_note(call->client->reach, call->request.task_id != NULL, &answer);
    call->request.on_done(call->request.context, &answer);
    dms_cancel(call);
}

static void on_answer(void *context, const struct http_response *response, const struct error *failure)
{
    struct dms_call *call = context;
    const bool went_out = http_call_is_sent(call->http_call);
    call->http_call = NULL;
    /* docs/network.md 3: a token may have been revoked early: one refusal says nothing about the request. */
    bool refused = response &&
                   (response->status == 401 || (response->status == 403 && call->request.fresh_token_on_403));
    if (refused && !call->repeated) {
        log_debug("%s answered %d: trying with a fresh token", call->url, response->status);
        call->repeated = true;
        call->refused_token = call->token_number;
        ask_token(call);
        return;
    }
    call->arrival_possible = went_out && !refused;
    finish(call, response, failure, false);
}

static void on_token(void *context, const void *answer, const struct error *failure)
{
    struct dms_call *call = context;
    const struct message_token *token = answer;
    call->token_call = NULL;
    if (failure) {
        finish(call, NULL, failure, true);
        return;
    }
    call->token_number = token->token_number;
    call->sent_boot_ms = clock_boot_ms();
    const bool post = call->request.task_id != NULL;
    const struct http_request request = {.method = post ? "POST" : "GET",
                                         .url = call->url,
                                         .bearer = &token->access_token,
                                         .content_type = call->body ? "application/json" : NULL,
                                         .accept = "application/json",
                                         .body = call->body,
                                         .body_bytes = call->body ? strlen(call->body) : 0,
                                         .timeout_ms = call->request.timeout_ms,
                                         .response_limit_bytes = call->request.answer_limit_bytes,
                                         .follow_redirects = !post,
                                         .on_done = on_answer,
                                         .context = call};
    call->http_call = http_send(call->client->http, &request);
}

/* Naming the refused token makes authd log in anew, but only if it still holds that one: others may have
 * renewed it meanwhile. */
static void ask_token(struct dms_call *call)
{
    const struct message_token_get request = {.refused_token = call->refused_token};
    call->token_call = ipc_send(call->client->authd, OPERATION_token_get, &request,
                                call->request.bound_token ? call->request.timeout_ms : 0, on_token, call);
}

static char *make_url(const struct dms_client *client, const struct dms_request *request)
{
    const char *of_task[] = {"tasks", request->task_id, request->action};
    if (request->task_id)
        return url_join(client->base_url, of_task, 3);
    char *value = request->capability ? url_encode_component(request->capability) : NULL;
    char *path = memory_format(value ? "tasks?capability=%s" : "tasks", value);
    char *url = url_join(client->base_url, &(const char *){path}, 1);
    free(path);
    free(value);
    return url;
}

struct dms_call *dms_send(const struct dms_client *client, const struct dms_request *request)
{
    struct dms_call *call = memory_allocate(sizeof *call);
    call->client = client;
    call->request = *request;
    call->url = make_url(client, request);
    call->body = memory_copy_text(request->body);
    ask_token(call);
    return call;
}

bool dms_call_is_sent(const struct dms_call *call)
{
    return call->http_call != NULL;
}
