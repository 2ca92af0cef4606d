/* The robot flow (docs/network.md 1.4): credentials instead of a wallet; the registration brings the first
 * access token. */
#include "services/authd/dds/dds_flow.h"

#include "services/authd/dds/dds_body.h"
#include "services/authd/dds/robot_answer.h"

static bool read_registration(struct dds_call *call, const struct dds_reply *reply,
                              struct token_answer *token, struct error *error)
{
    (void)call;
    return robot_answer_parse(reply->body, reply->body_bytes, reply->server_unix_ms, token, error) ||
           error_prefix(error, "answer to the registration");
}

static bool read_login(struct dds_call *call, const struct dds_reply *reply, struct token_answer *token,
                       struct error *error)
{
    (void)call;
    return robot_answer_parse(reply->body, reply->body_bytes, reply->server_unix_ms, token, error) ||
           error_prefix(error, "answer to the login");
}

static const struct dds_step registration = {
    .path = "internal/v1/robots/register", .read = read_registration, .has_credentials = true};
static const struct dds_step login = {
    .path = "internal/v1/auth/robot/verify", .read = read_login, .is_login = true};

static struct dds_call *register_robot(const struct dds_client *client, const struct text_list *capabilities,
                                       dds_done_function *on_done, void *context, struct error *error)
{
    struct json_writer body = JSON_WRITER_EMPTY;
    dds_body_robot_registration(&body, client->credentials, client->version, capabilities);
    return dds_call_begin(client, NULL, &registration, &body, on_done, context, error);
}

static struct dds_call *log_in_robot(const struct dds_client *client, dds_done_function *on_done,
                                     void *context, struct error *error)
{
    struct json_writer body = JSON_WRITER_EMPTY;
    dds_body_robot_login(&body, client->credentials);
    return dds_call_begin(client, NULL, &login, &body, on_done, context, error);
}

const struct dds_flow dds_flow_robot = {.register_node = register_robot, .log_in = log_in_robot};
