/* The callback flow (docs/network.md 1.1) and the wallet flow (1.3). */
#include "tests/devnet/dds.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"
#include "tests/devnet/url_form.h"

#include <stdlib.h>
#include <string.h>

enum { FRESH_MS = 5 * 60 * 1000 };

static bool check_credentials(struct exchange *exchange, const json_t *body)
{
    const char *credentials = row_text(body, "registration_credentials");

    if (devnet_is_robot(exchange->devnet, credentials))
        return exchange_refuse(exchange, RULE_ROBOT_ELSEWHERE,
                               "a robot's registration_credentials came here");
    if (strcmp(credentials, exchange->devnet->registration_secret) != 0 &&
        !exchange_tolerates(exchange, RULE_REGISTER_CREDENTIALS,
                            "registration_credentials are not this network's"))
        return false;
    return true;
}

bool dds_check_offer(struct exchange *exchange, const json_t *body)
{
    const json_t *capabilities = json_object_get(body, "capabilities");
    const char *earlier = NULL;

    if (!version_is_semver(row_text(body, "version")) &&
        !exchange_tolerates(exchange, RULE_REGISTER_VERSION, "version is \"%s\"", row_text(body, "version")))
        return false;
    if (json_array_size(capabilities) == 0 &&
        !exchange_tolerates(exchange, RULE_REGISTER_CAPABILITIES, "capabilities are empty"))
        return false;
    for (size_t i = 0; i < json_array_size(capabilities); i++) {
        const char *capability = json_string_value(json_array_get(capabilities, i));

        if (!capability || !*capability) {
            if (exchange_tolerates(exchange, RULE_REGISTER_CAPABILITIES, "capability %zu is no text or empty",
                                   i))
                continue;
            return false;
        }
        if (earlier && strcmp(earlier, capability) >= 0 &&
            !exchange_tolerates(exchange, RULE_REGISTER_SORTED, "%s stands before %s", earlier, capability))
            return false;
        earlier = capability;
    }
    return true;
}

static bool check_timestamp(struct exchange *exchange, const char *timestamp)
{
    int64_t at;

    if (!moment_parse_nine_digits(timestamp, &at))
        return exchange_tolerates(exchange, RULE_REGISTER_TIMESTAMP_FORMAT, "timestamp is \"%s\"", timestamp);
    if (llabs(at - moment_now_ms()) > FRESH_MS &&
        !exchange_tolerates(exchange, RULE_REGISTER_TIMESTAMP_FRESH, "timestamp %s is not now", timestamp))
        return false;
    return true;
}

static bool check_signature(struct exchange *exchange, const json_t *body, char address[ADDRESS_TEXT_BYTES])
{
    const char *public_key = row_text(body, "public_key");
    uint8_t signature[SIGNATURE_BYTES], point[65], digest[32];
    char recovered[PUBLIC_KEY_TEXT_BYTES];
    char *signed_text;

    if (!signature_read_hex(public_key, 130, false, point) || point[0] != 4)
        return exchange_refuse(exchange, RULE_REGISTER_KEY_FORMAT,
                               "public_key is not 04 and 128 lowercase digits");
    if (!signature_read_hex(row_text(body, "signature"), 130, false, signature) || signature[64] > 1)
        return exchange_refuse(exchange, RULE_REGISTER_SIGNATURE_FORMAT,
                               "signature is not 130 lowercase digits ending in recovery id 0 or 1");
    if (!signature_is_low_s(signature) &&
        !exchange_tolerates(exchange, RULE_REGISTER_LOW_S, "s is above half of the curve's order"))
        return false;
    signed_text = memory_format("%s%s", row_text(body, "url"), row_text(body, "timestamp"));
    digest_of_text(signed_text, digest);
    free(signed_text);
    if (!signature_recover(digest, signature, signature[64], recovered, address) ||
        strcmp(recovered, public_key) != 0)
        return exchange_refuse(exchange, RULE_REGISTER_SIGNATURE,
                               "the signature is not by public_key over url and timestamp");
    return true;
}

void dds_keep_node(struct exchange *exchange, const char *address, const char *flow, const json_t *body)
{
    struct devnet *devnet = exchange->devnet;
    char *capabilities = json_dumps(json_object_get(body, "capabilities"), JSON_COMPACT);
    const char *url = json_string_value(json_object_get(body, "url"));
    int64_t now = moment_now_ms();
    bool call_back = url && devnet->tuning.callback;

    store_run(
        devnet->store,
        "INSERT INTO nodes(address, id, flow, url, version, capabilities, state, registered_at) "
        "VALUES(?1, uuid(), ?2, ?3, ?4, ?5, 'registered', ?6) ON CONFLICT(address) DO UPDATE SET flow=?2, "
        "url=?3, version=?4, capabilities=?5, state='registered'",
        VALUES(TEXT(address), TEXT(flow), TEXT(url), TEXT(row_text(body, "version")), TEXT(capabilities),
               INTEGER(now)));
    store_run(
        devnet->store,
        "UPDATE nodes SET registrations=registrations+1, callback_tries=0, callback_due_at=? WHERE address=?",
        VALUES(call_back ? INTEGER(now + devnet->tuning.callback_delay_ms) : TEXT(NULL), TEXT(address)));
    store_changed(devnet->store);
    free(capabilities);
}

bool dds_check_flow(struct exchange *exchange, enum devnet_flow flow)
{
    if (exchange->devnet->flow == FLOW_ANY || exchange->devnet->flow == flow)
        return true;
    return exchange_tolerates(exchange, RULE_REGISTER_FLOW, "this network registers by another flow");
}

static bool check_url(struct exchange *exchange, const char *url)
{
    const char *why;

    return url_is_normal(url, &why) ||
           exchange_tolerates(exchange, RULE_REGISTER_URL, "url %s: %s", url, why);
}

void dds_register(struct exchange *exchange)
{
    static const char fields[] = "url:s version:s registration_credentials:s signature:s timestamp:s "
                                 "public_key:s capabilities:a";
    json_t *body = dds_check_flow(exchange, FLOW_CALLBACK) ? exchange_json(exchange) : NULL;
    char address[ADDRESS_TEXT_BYTES];

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, fields, RULE_REGISTER_SHAPE) &&
        check_url(exchange, row_text(body, "url")) && check_credentials(exchange, body) &&
        dds_check_offer(exchange, body) && check_timestamp(exchange, row_text(body, "timestamp")) &&
        check_signature(exchange, body, address)) {
        dds_keep_node(exchange, address, "callback", body);
        exchange_answer_json(exchange, 200, json_pack("{s:s}", "status", "accepted"));
    }
    json_decref(body);
}

void dds_register_wallet(struct exchange *exchange)
{
    static const char fields[] = "message:s signature:s registration_credentials:s capabilities:a version:s";
    json_t *body = dds_check_flow(exchange, FLOW_WALLET) ? exchange_json(exchange) : NULL;
    char address[ADDRESS_TEXT_BYTES];

    if (!body)
        return;
    if (exchange_check_fields(exchange, body, fields, RULE_WALLET_SHAPE) &&
        check_credentials(exchange, body) && dds_check_offer(exchange, body) &&
        dds_check_signed_message(exchange, row_text(body, "message"), row_text(body, "signature"), address)) {
        dds_keep_node(exchange, address, "wallet", body);
        exchange_answer_json(exchange, 200, json_pack("{s:s}", "status", "registered"));
    }
    json_decref(body);
}
