#include "services/authd/dds/dds_client.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/rfc3339.h"
#include "libcommon/base/text.h"
#include "libcommon/http/url.h"
#include "libcommon/json/json_writer.h"
#include "services/authd/dds/siwe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dds_call {
    const struct dds_client *client;
    const char *path; /* static */
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

/* --- answers --- */

/* Overwrites every occurrence with asterisks. */
static void mask(char *text, size_t length, const char *secret, size_t secret_length)
{
    char *end = text + length;
    if (!secret || secret_length == 0)
        return;
    for (char *at = text; (at = memmem(at, (size_t)(end - at), secret, secret_length)); at += secret_length)
        memset(at, '*', secret_length);
}

/* A server that complains about a request may quote it, as it is or as JSON has it. */
static void mask_secret(const struct secret *secret, char *text, size_t length)
{
    struct json_writer quoted = JSON_WRITER_EMPTY;
    json_writer_string_bytes(&quoted, secret->bytes ? secret->bytes : "", secret->length);
    mask(text, length, secret->bytes, secret->length);
    mask(text, length, quoted.text + 1, quoted.length - 2);
    json_writer_clear(&quoted);
}

static void explain_status(const struct dds_call *call, const struct http_response *response,
                           char reason[DDS_REASON_BYTES])
{
    int length = snprintf(reason, DDS_REASON_BYTES, "%s answered %d", call->path, response->status);
    if (response->body_bytes == 0 || length < 0)
        return;
    char *body = memory_copy_bytes(response->body, response->body_bytes);
    mask_secret(call->client->reg_secret, body, response->body_bytes);
    char line[LIMIT_ERROR_BODY_LOGGED_BYTES + 1];
    text_one_line(body, response->body_bytes, line, sizeof line);
    snprintf(reason + length, DDS_REASON_BYTES - (size_t)length, ": %s", line);
    secret_wipe_bytes(body, response->body_bytes);
    free(body);
}

static void on_http_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct dds_call *call = context;
    struct dds_answer answer = {.body = "", .retry_after_ms = -1, .sent_boot_ms = call->sent_boot_ms};
    if (response) {
        answer.status = response->status;
        answer.accepted = response->status >= 200 && response->status <= 299;
        answer.body = response->body;
        answer.body_bytes = response->body_bytes;
        answer.retry_after_ms = response->retry_after_ms;
        answer.server_unix_ms = clock_server_unix_ms(response->date_unix_ms, clock_unix_ms());
        if (!answer.accepted)
            explain_status(call, response, answer.reason);
    } else {
        snprintf(answer.reason, sizeof answer.reason, "%s", failure->text);
    }
    dds_done_function *on_done = call->on_done;
    void *target = call->context;
    free(call);
    on_done(target, &answer);
}

/* --- requests --- */

/* Wipes and clears `body`. `on_data` NULL: the answer's body is kept. */
static struct dds_call *post(const struct dds_client *client, const char *path, struct json_writer *body,
                             http_data_function *on_data, dds_done_function *on_done, void *context,
                             struct error *error)
{
    struct dds_call *call = NULL;
    char *url = url_join(client->base_url, &path, 1);
    if (!url_same_origin(url, client->base_url)) {
        error_set(error, ERROR_FORBIDDEN, "%s is not at DDS_BASE_URL", path);
    } else {
        call = memory_allocate(sizeof *call);
        *call = (struct dds_call){.client = client,
                                  .path = path,
                                  .sent_boot_ms = clock_boot_ms(),
                                  .on_done = on_done,
                                  .context = context};
        const struct http_request request = {.method = "POST",
                                             .url = url,
                                             .content_type = "application/json",
                                             .accept = "application/json",
                                             .body = body->text,
                                             .body_bytes = body->length,
                                             .body_secret = true,
                                             .timeout_ms = client->timeout_ms,
                                             .response_limit_bytes = LIMIT_DDS_ANSWER_BYTES,
                                             .on_data = on_data,
                                             .on_done = on_http_done,
                                             .context = call};
        call->http_call = http_send(client->http, &request);
    }
    free(url);
    json_writer_clear(body);
    return call;
}

/* Any 2xx accepts a registration (1.1), whatever stands in its body and however long it is. */
static bool ignore_data(void *context, const void *bytes, size_t length, struct error *error)
{
    (void)context;
    (void)bytes;
    (void)length;
    (void)error;
    return true;
}

/* The members that both registrations have. */
static void write_registration(const struct dds_client *client, const struct text_list *capabilities,
                               struct json_writer *body)
{
    json_writer_string_member(body, "version", client->version);
    json_writer_key(body, "registration_credentials");
    json_writer_string_bytes(body, client->reg_secret->bytes, client->reg_secret->length);
    json_writer_key(body, "capabilities");
    json_writer_open_array(body);
    for (size_t i = 0; i < capabilities->count; i++)
        json_writer_string(body, capabilities->items[i]);
    json_writer_close_array(body);
}

struct dds_call *dds_register(const struct dds_client *client, const struct text_list *capabilities,
                              dds_done_function *on_done, void *context, struct error *error)
{
    char timestamp[RFC3339_BYTES];
    char signature[WALLET_REGISTRATION_SIGNATURE_BYTES];
    struct json_writer body = JSON_WRITER_EMPTY;
    rfc3339_format_nanoseconds(clock_unix_ns(), timestamp);
    if (!wallet_sign_registration(client->wallet, client->node_url, timestamp, signature, error))
        return NULL;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "url", client->node_url);
    write_registration(client, capabilities, &body);
    json_writer_string_member(&body, "signature", signature);
    json_writer_string_member(&body, "timestamp", timestamp);
    json_writer_string_member(&body, "public_key", wallet_public_key(client->wallet));
    json_writer_close_object(&body);
    return post(client, "internal/v1/nodes/register", &body, ignore_data, on_done, context, error);
}

struct dds_call *dds_register_wallet(const struct dds_client *client, const struct dds_answer *nonce,
                                     const struct text_list *capabilities, dds_done_function *on_done,
                                     void *context, struct error *error)
{
    struct signed_message signed_message;
    struct json_writer body = JSON_WRITER_EMPTY;
    if (!signed_message_create(client->wallet, nonce->body, nonce->body_bytes, &signed_message, error))
        return NULL;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "message", signed_message.message);
    json_writer_string_member(&body, "signature", signed_message.signature);
    signed_message_clear(&signed_message);
    write_registration(client, capabilities, &body);
    json_writer_close_object(&body);
    return post(client, "internal/v1/nodes/register-wallet", &body, ignore_data, on_done, context, error);
}

struct dds_call *dds_siwe_request(const struct dds_client *client, dds_done_function *on_done, void *context,
                                  struct error *error)
{
    struct json_writer body = JSON_WRITER_EMPTY;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "wallet", wallet_address(client->wallet));
    json_writer_close_object(&body);
    return post(client, "internal/v1/auth/siwe/request", &body, NULL, on_done, context, error);
}

struct dds_call *dds_siwe_verify(const struct dds_client *client, const struct dds_answer *nonce,
                                 dds_done_function *on_done, void *context, struct error *error)
{
    struct signed_message signed_message;
    struct json_writer body = JSON_WRITER_EMPTY;
    if (!signed_message_create(client->wallet, nonce->body, nonce->body_bytes, &signed_message, error))
        return NULL;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "address", wallet_address(client->wallet));
    json_writer_string_member(&body, "message", signed_message.message);
    json_writer_string_member(&body, "signature", signed_message.signature);
    json_writer_close_object(&body);
    signed_message_clear(&signed_message);
    return post(client, "internal/v1/auth/siwe/verify", &body, NULL, on_done, context, error);
}
