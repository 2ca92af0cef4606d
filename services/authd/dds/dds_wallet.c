/* The callback flow and the wallet flow (docs/network.md 1.1, 1.3): both sign with the wallet, and both log
 * in by SIWE (2). */
#include "services/authd/dds/dds_flow.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/rfc3339.h"
#include "services/authd/dds/dds_body.h"
#include "services/authd/dds/signed_message.h"

static void write_nonce_request(struct json_writer *body, const struct wallet *wallet)
{
    json_writer_open_object(body);
    json_writer_string_member(body, "wallet", wallet_address(wallet));
    json_writer_close_object(body);
}

/* --- registration, callback flow --- */

static const struct dds_step registration = {.path = "internal/v1/nodes/register", .has_credentials = true};

static struct dds_call *register_by_callback(const struct dds_client *client,
                                             const struct text_list *capabilities, dds_done_function *on_done,
                                             void *context, struct error *error)
{
    char timestamp[RFC3339_BYTES];
    char signature[WALLET_REGISTRATION_SIGNATURE_BYTES];
    struct json_writer body = JSON_WRITER_EMPTY;
    rfc3339_format_nanoseconds(clock_unix_ns(), timestamp);
    if (!wallet_sign_registration(client->wallet, client->node_url, timestamp, signature, error))
        return NULL;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "url", client->node_url);
    dds_body_registration_members(&body, client->credentials, client->version, capabilities);
    json_writer_string_member(&body, "signature", signature);
    json_writer_string_member(&body, "timestamp", timestamp);
    json_writer_string_member(&body, "public_key", wallet_public_key(client->wallet));
    json_writer_close_object(&body);
    return dds_call_begin(client, NULL, &registration, &body, on_done, context, error);
}

/* --- registration, wallet flow: a nonce, and the signed message with it --- */

static const struct dds_step wallet_registration = {.path = "internal/v1/nodes/register-wallet",
                                                    .has_credentials = true};

static bool send_registration(struct dds_call *call, const struct dds_reply *nonce,
                              struct token_answer *token, struct error *error)
{
    const struct dds_client *client = dds_call_client(call);
    struct signed_message signed_message;
    struct json_writer body = JSON_WRITER_EMPTY;
    (void)token;
    if (!signed_message_create(client->wallet, &client->siwe_site, nonce->body, nonce->body_bytes,
                               &signed_message, error))
        return false;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "message", signed_message.message);
    json_writer_string_member(&body, "signature", signed_message.signature);
    dds_body_registration_members(&body, client->credentials, client->version, dds_call_capabilities(call));
    json_writer_close_object(&body);
    bool ok = dds_call_send(call, &wallet_registration, &body, signed_message.signature, error);
    signed_message_clear(&signed_message);
    return ok;
}

static const struct dds_step registration_nonce = {.path = "internal/v1/auth/siwe/request",
                                                   .read = send_registration};

static struct dds_call *register_by_wallet(const struct dds_client *client,
                                           const struct text_list *capabilities, dds_done_function *on_done,
                                           void *context, struct error *error)
{
    struct json_writer body = JSON_WRITER_EMPTY;
    write_nonce_request(&body, client->wallet);
    return dds_call_begin(client, capabilities, &registration_nonce, &body, on_done, context, error);
}

/* --- login --- */

static bool read_token(struct dds_call *call, const struct dds_reply *reply, struct token_answer *token,
                       struct error *error)
{
    (void)call;
    return token_answer_parse(reply->body, reply->body_bytes, reply->server_unix_ms, token, error) ||
           error_prefix(error, "answer to the login");
}

static const struct dds_step login = {
    .path = "internal/v1/auth/siwe/verify", .read = read_token, .is_login = true};

static bool send_login(struct dds_call *call, const struct dds_reply *nonce, struct token_answer *token,
                       struct error *error)
{
    const struct dds_client *client = dds_call_client(call);
    struct signed_message signed_message;
    struct json_writer body = JSON_WRITER_EMPTY;
    (void)token;
    if (!signed_message_create(client->wallet, &client->siwe_site, nonce->body, nonce->body_bytes,
                               &signed_message, error))
        return false;
    json_writer_open_object(&body);
    json_writer_string_member(&body, "address", wallet_address(client->wallet));
    json_writer_string_member(&body, "message", signed_message.message);
    json_writer_string_member(&body, "signature", signed_message.signature);
    json_writer_close_object(&body);
    bool ok = dds_call_send(call, &login, &body, signed_message.signature, error);
    signed_message_clear(&signed_message);
    return ok;
}

static const struct dds_step login_nonce = {.path = "internal/v1/auth/siwe/request", .read = send_login};

static struct dds_call *log_in_by_wallet(const struct dds_client *client, dds_done_function *on_done,
                                         void *context, struct error *error)
{
    struct json_writer body = JSON_WRITER_EMPTY;
    write_nonce_request(&body, client->wallet);
    return dds_call_begin(client, NULL, &login_nonce, &body, on_done, context, error);
}

const struct dds_flow dds_flow_callback = {
    .calls_back = true, .register_node = register_by_callback, .log_in = log_in_by_wallet};
const struct dds_flow dds_flow_wallet = {.register_node = register_by_wallet, .log_in = log_in_by_wallet};
