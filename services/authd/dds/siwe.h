/* Sign-in with Ethereum: the nonce answer (docs/network.md 2.1) and the message made of it (2.2). Whether
 * that may be signed is siwe_rules.h's question, and it is in signed_message.h. */
#ifndef AUTHD_DDS_SIWE_H
#define AUTHD_DDS_SIWE_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct siwe_fields {
    char *nonce;
    char *domain;
    char *uri;
    char *version;
    char *issued_at;
    int64_t chain_id;
};

/*
 * Reads the answer to a nonce request. A field that is missing, blank, of another type or holds a control or
 * format character or a line break is an error that names it. On failure `fields` is empty.
 */
bool siwe_fields_parse(const char *json, size_t length, struct siwe_fields *fields, struct error *error);
void siwe_fields_clear(struct siwe_fields *fields);

/* The message to sign; `resources` may be NULL when there are none. free() it. */
char *siwe_compose_message(const struct siwe_fields *fields, const char *address,
                           const char *const *resources, size_t resource_count);

#endif
