#include "services/authd/dds/signed_message.h"

#include "services/authd/dds/siwe.h"

#include <stdlib.h>

bool signed_message_create(const struct wallet *wallet, const char *nonce_answer, size_t length,
                           struct signed_message *signed_message, struct error *error)
{
    struct siwe_fields fields;
    *signed_message = (struct signed_message){.message = NULL};
    if (!siwe_fields_parse(nonce_answer, length, &fields, error))
        return error_prefix(error, "answer to the nonce request");
    signed_message->message = siwe_compose_message(&fields, wallet_address(wallet), NULL, 0);
    siwe_fields_clear(&fields);
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
