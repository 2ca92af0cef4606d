#include "services/authd/dds/signed_message.h"

#include <stdlib.h>

static char *compose(const struct wallet *wallet, const struct siwe_site *site, const char *nonce_answer,
                     size_t length, struct error *error)
{
    struct siwe_fields fields;
    char *message = NULL;
    if (siwe_fields_parse(nonce_answer, length, &fields, error) && siwe_rules_check(&fields, site, error))
        message = siwe_compose_message(&fields, wallet_address(wallet), NULL, 0);
    siwe_fields_clear(&fields);
    return message;
}

bool signed_message_create(const struct wallet *wallet, const struct siwe_site *site,
                           const char *nonce_answer, size_t length, struct signed_message *signed_message,
                           struct error *error)
{
    *signed_message = (struct signed_message){.message = compose(wallet, site, nonce_answer, length, error)};
    if (!signed_message->message)
        return error_prefix(error, "answer to the nonce request");
    if (wallet_sign_personal_message(wallet, signed_message->message, signed_message->signature, error))
        return true;
    signed_message_clear(signed_message);
    return false;
}

void signed_message_clear(struct signed_message *signed_message)
{
    free(signed_message->message);
    signed_message->message = NULL;
}
