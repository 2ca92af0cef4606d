/* The robot flow (docs/network.md 1.4): credentials instead of a wallet, and an access token with the
 * registration. */
#include "tests/devnet/dds.h"

#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"
#include "tests/devnet/token.h"

#include <stdio.h>
#include <string.h>

/* What stands for the robot where a wallet's address stands for others: not its credentials, as `GET nodes`
 * shows it. */
static void robot_address(const char *credentials, char address[ADDRESS_TEXT_BYTES])
{
    uint8_t digest[32];
    size_t length = (size_t)snprintf(address, ADDRESS_TEXT_BYTES, "robot-");

    digest_of_text(credentials, digest);
    for (size_t i = 0; i < 16; i++)
        length += (size_t)snprintf(address + length, ADDRESS_TEXT_BYTES - length, "%02x", digest[i]);
}

static bool check_credentials(struct exchange *exchange, const json_t *body)
{
    return devnet_is_robot(exchange->devnet, row_text(body, "registration_credentials")) ||
           exchange_tolerates(exchange, RULE_ROBOT_CREDENTIALS, "registration_credentials are no robot's");
}

static void answer_token(struct exchange *exchange, const char *address)
{
    json_t *node =
        store_row(exchange->devnet->store, "SELECT id FROM nodes WHERE address=?", VALUES(TEXT(address)));
    char token[TOKEN_TEXT_BYTES], expires_at[MOMENT_TEXT_BYTES];
    int64_t until = token_issue_access(exchange->devnet, address, token);

    exchange_answer_json(exchange, 200,
                         json_pack("{s:s, s:s, s:s}", "robot_id", row_text(node, "id"), "access_token", token,
                                   "access_expires_at", moment_text(until, expires_at)));
    json_decref(node);
}

void dds_register_robot(struct exchange *exchange)
{
    json_t *body = dds_check_flow(exchange, FLOW_ROBOT) ? exchange_json(exchange) : NULL;
    char address[ADDRESS_TEXT_BYTES];

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, "registration_credentials:s version:s capabilities:a",
                              RULE_ROBOT_SHAPE) &&
        check_credentials(exchange, body) && dds_check_offer(exchange, body)) {
        robot_address(row_text(body, "registration_credentials"), address);
        dds_keep_node(exchange, address, "robot", body);
        answer_token(exchange, address);
    }
    json_decref(body);
}

/* A robot that an admin made us forget gets a plain 404: that is how it learns to register again. */
static bool check_registered(struct exchange *exchange, const char *address)
{
    json_t *node =
        store_row(exchange->devnet->store, "SELECT state FROM nodes WHERE address=?", VALUES(TEXT(address)));
    bool fine = true;

    if (!node)
        fine = exchange_refuse(exchange, RULE_ROBOT_UNREGISTERED, "the robot never registered");
    else if (strcmp(row_text(node, "state"), "registered") != 0)
        fine = exchange_decline(exchange, 404, "the robot is not registered any more");
    json_decref(node);
    return fine;
}

void dds_verify_robot(struct exchange *exchange)
{
    json_t *body = dds_check_flow(exchange, FLOW_ROBOT) ? exchange_json(exchange) : NULL;
    char address[ADDRESS_TEXT_BYTES];

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, "registration_credentials:s", RULE_ROBOT_VERIFY_SHAPE) &&
        check_credentials(exchange, body)) {
        robot_address(row_text(body, "registration_credentials"), address);
        if (check_registered(exchange, address))
            answer_token(exchange, address);
    }
    json_decref(body);
}
