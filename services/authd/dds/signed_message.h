/* A SIWE message made of DDS's answer to a nonce request, and the wallet's signature (docs/network.md 2.1 to
 * 2.3). */
#ifndef AUTHD_DDS_SIGNED_MESSAGE_H
#define AUTHD_DDS_SIGNED_MESSAGE_H

#include "services/authd/wallet/wallet.h"

struct signed_message {
    char *message;
    char signature[WALLET_MESSAGE_SIGNATURE_BYTES];
};

/* On failure `signed_message` is empty. */
bool signed_message_create(const struct wallet *wallet, const char *nonce_answer, size_t length,
                           struct signed_message *signed_message, struct error *error);
void signed_message_clear(struct signed_message *signed_message);

#endif
