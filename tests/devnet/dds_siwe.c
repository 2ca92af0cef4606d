/* SIWE login (docs/network.md 2): nonces, the exact message, its signature, access tokens. */
#include "tests/devnet/dds.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"
#include "tests/devnet/token.h"

#include <stdlib.h>
#include <string.h>

/* How long after an accepted registration a node may log in although nobody called it back (docs/network.md
 * 2). */
enum { WITHOUT_CALLBACK_MS = 30000, CHAIN_ID = 1 };

static bool check_address(struct exchange *exchange, const char *address)
{
    uint8_t bytes[20];

    if (strncmp(address, "0x", 2) == 0 && signature_read_hex(address + 2, 40, false, bytes))
        return true;
    return exchange_tolerates(exchange, RULE_SIWE_ADDRESS, "the address is \"%.80s\"", address);
}

/* A network of robots has nobody who could log in with a wallet. */
static json_t *login_body(struct exchange *exchange)
{
    if (exchange->devnet->flow == FLOW_ROBOT &&
        !exchange_tolerates(exchange, RULE_REGISTER_FLOW, "this network's nodes have no wallet"))
        return NULL;
    return exchange_json(exchange);
}

void dds_siwe_request(struct exchange *exchange)
{
    json_t *body = login_body(exchange);
    struct devnet *devnet = exchange->devnet;
    int64_t now = moment_now_ms();
    const char *wallet = row_text(body, "wallet"), *domain = strstr(devnet->origin, "://") + 3;
    char nonce[TOKEN_TEXT_BYTES], issued_at[MOMENT_TEXT_BYTES];
    char *message;

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, "wallet:s", RULE_SIWE_REQUEST_SHAPE) &&
        check_address(exchange, wallet)) {
        random_token(nonce);
        nonce[24] = '\0';
        moment_text(now, issued_at);
        message = memory_format(
            "%s wants you to sign in with your Ethereum account:\n%s\n\nURI: %s/dds\nVersion: 1\n"
            "Chain ID: %d\nNonce: %s\nIssued At: %s",
            domain, wallet, devnet->origin, CHAIN_ID, nonce, issued_at);
        store_run(
            devnet->store, "INSERT INTO nonces(nonce, wallet, message, expires_at) VALUES(?,?,?,?)",
            VALUES(TEXT(nonce), TEXT(wallet), TEXT(message), INTEGER(now + devnet->tuning.nonce_ttl_ms)));
        free(message);
        exchange_answer_json(exchange, 200,
                             json_pack("{s:s, s:s, s:s+, s:s, s:i, s:s}", "nonce", nonce, "domain", domain,
                                       "uri", devnet->origin, "/dds", "version", "1", "chainId", CHAIN_ID,
                                       "issuedAt", issued_at));
    }
    json_decref(body);
}

/* The row of the nonce that stands in the message's `Nonce:` line; NULL when it was never issued. */
static json_t *find_nonce(struct devnet *devnet, const char *message)
{
    const char *line = strstr(message, "\nNonce: ");
    char *nonce;
    json_t *row;

    if (!line)
        return NULL;
    line += strlen("\nNonce: ");
    nonce = memory_copy_bytes(line, strcspn(line, "\n"));
    row = store_row(devnet->store, "SELECT * FROM nonces WHERE nonce=?", VALUES(TEXT(nonce)));
    free(nonce);
    return row;
}

static bool check_nonce(struct exchange *exchange, const json_t *nonce, const char *message)
{
    if (!nonce)
        return exchange_refuse(exchange, RULE_SIWE_NONCE, "the message has no nonce of ours");
    if (row_integer(nonce, "used") &&
        !exchange_tolerates(exchange, RULE_SIWE_NONCE_USED, "nonce %s was used before",
                            row_text(nonce, "nonce")))
        return false;
    if (row_integer(nonce, "expires_at") <= moment_now_ms() &&
        !exchange_tolerates(exchange, RULE_SIWE_NONCE_EXPIRED, "nonce %s has expired",
                            row_text(nonce, "nonce")))
        return false;
    if (strcmp(message, row_text(nonce, "message")) != 0 &&
        !exchange_tolerates(exchange, RULE_SIWE_MESSAGE, "the message differs from the text of its fields"))
        return false;
    return true;
}

static bool check_signature(struct exchange *exchange, const char *wallet, const char *message,
                            const char *signature, char address[ADDRESS_TEXT_BYTES])
{
    uint8_t bytes[SIGNATURE_BYTES], digest[32];
    char public_key[PUBLIC_KEY_TEXT_BYTES];

    if (strncmp(signature, "0x", 2) != 0 || !signature_read_hex(signature + 2, 130, true, bytes) ||
        (bytes[64] != 27 && bytes[64] != 28))
        return exchange_refuse(exchange, RULE_SIWE_SIGNATURE_FORMAT,
                               "signature is not 0x and 130 digits ending in 27 or 28 (1b, 1c)");
    if (!signature_is_low_s(bytes) &&
        !exchange_tolerates(exchange, RULE_SIWE_LOW_S, "s is above half of the curve's order"))
        return false;
    digest_of_personal_message(message, digest);
    if (!signature_recover(digest, bytes, bytes[64] - 27, public_key, address) ||
        strcasecmp(address, wallet) != 0)
        return exchange_refuse(exchange, RULE_SIWE_SIGNATURE, "the message is not signed by %s", wallet);
    return true;
}

bool dds_check_signed_message(struct exchange *exchange, const char *message, const char *signature,
                              char address[43])
{
    struct devnet *devnet = exchange->devnet;
    json_t *nonce = find_nonce(devnet, message);
    bool fine = check_nonce(exchange, nonce, message) &&
                check_signature(exchange, row_text(nonce, "wallet"), message, signature, address);

    if (fine)
        store_run(devnet->store, "UPDATE nonces SET used=1 WHERE nonce=?",
                  VALUES(TEXT(row_text(nonce, "nonce"))));
    json_decref(nonce);
    return fine;
}

/* A node that an admin made us forget gets a plain 403: that is how it learns to register again. */
static bool check_registered(struct exchange *exchange, const char *address)
{
    json_t *node =
        store_row(exchange->devnet->store, "SELECT * FROM nodes WHERE address=?", VALUES(TEXT(address)));
    int64_t waited = moment_now_ms() - row_integer(node, "registered_at");
    bool fine = true;

    if (!node)
        fine = exchange_refuse(exchange, RULE_LOGIN_UNREGISTERED, "%s never registered", address);
    else if (strcmp(row_text(node, "state"), "registered") != 0)
        fine = exchange_decline(exchange, 403, "%s is not registered any more", address);
    else if (strcmp(row_text(node, "flow"), "callback") == 0 && !row_integer(node, "callback_started_at") &&
             waited < WITHOUT_CALLBACK_MS)
        fine = exchange_tolerates(exchange, RULE_LOGIN_BEFORE_CALLBACK,
                                  "%d ms after the registration, before the callback", (int)waited);
    json_decref(node);
    return fine;
}

void dds_siwe_verify(struct exchange *exchange)
{
    json_t *body = login_body(exchange);
    struct devnet *devnet = exchange->devnet;
    char address[ADDRESS_TEXT_BYTES], token[TOKEN_TEXT_BYTES], expires_at[MOMENT_TEXT_BYTES];

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, "address:s message:s signature:s", RULE_SIWE_VERIFY_SHAPE) &&
        check_address(exchange, row_text(body, "address")) &&
        dds_check_signed_message(exchange, row_text(body, "message"), row_text(body, "signature"), address)) {
        if (strcasecmp(address, row_text(body, "address")) != 0)
            exchange_refuse(exchange, RULE_SIWE_SIGNATURE, "the message is by %s, not by the address given",
                            address);
        else if (check_registered(exchange, address)) {
            int64_t until = token_issue_access(devnet, address, token);

            exchange_answer_json(exchange, 200,
                                 json_pack("{s:s, s:s}", "access_token", token, "access_expires_at",
                                           moment_text(until, expires_at)));
        }
    }
    json_decref(body);
}
