/* A SIWE message with the wallet's signature (docs/network.md 2.3): all that the wallet signs for a server.
 */
#ifndef AUTHD_DDS_SIGNED_MESSAGE_H
#define AUTHD_DDS_SIGNED_MESSAGE_H

#include "services/authd/dds/siwe_rules.h"
#include "services/authd/wallet/wallet.h"

struct signed_message {
    char *message;
    char signature[WALLET_MESSAGE_SIGNATURE_BYTES];
};

/* Of the answer to a nonce request, by the wallet, when siwe_rules_check() lets it pass. On failure
 * `signed_message` is empty. */
bool signed_message_create(const struct wallet *wallet, const struct siwe_site *site,
                           const char *nonce_answer, size_t length, struct signed_message *signed_message,
                           struct error *error);
void signed_message_clear(struct signed_message *signed_message);

#endif
