/* Sign-in with Ethereum: the nonce answer (docs/network.md 2.1), the message made of it (2.2), its signature
 * (2.3). */
#ifndef AUTHD_DDS_SIWE_H
#define AUTHD_DDS_SIWE_H

#include "services/authd/wallet/wallet.h"

#include <stddef.h>

struct siwe_fields {
    char *nonce;
    char *domain;
    char *uri;
    char *version;
    char *issued_at;
    int64_t chain_id;
};

/*
 * Reads the answer to a nonce request. A field that is missing, blank, of another type or holds a control
 * character or line break is an error that names it. On failure `fields` is empty.
 */
bool siwe_fields_parse(const char *json, size_t length, struct siwe_fields *fields, struct error *error);
void siwe_fields_clear(struct siwe_fields *fields);

/* The message to sign; `resources` may be NULL when there are none. free() it. */
char *siwe_compose_message(const struct siwe_fields *fields, const char *address,
                           const char *const *resources, size_t resource_count);

struct signed_message {
    char *message;
    char signature[WALLET_MESSAGE_SIGNATURE_BYTES];
};

/* Of the answer to a nonce request, by the wallet. On failure `signed_message` is empty. */
bool signed_message_create(const struct wallet *wallet, const char *nonce_answer, size_t length,
                           struct signed_message *signed_message, struct error *error);
void signed_message_clear(struct signed_message *signed_message);

#endif
