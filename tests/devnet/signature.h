/* Signatures as the network checks them (docs/network.md 1.1, 2.3), and the random names and tokens it hands
 * out. */
#ifndef DEVNET_SIGNATURE_H
#define DEVNET_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libcommon/base/uuid.h"

enum {
    ADDRESS_TEXT_BYTES = 43,     /* 0x, 40 digits, NUL */
    PUBLIC_KEY_TEXT_BYTES = 131, /* 04, 128 digits, NUL */
    SIGNATURE_BYTES = 65,
    TOKEN_TEXT_BYTES = 65,
    SHA256_TEXT_BYTES = 65
};

/* `bytes` from exactly `digits` hex digits; upper case only when `any_case`. */
bool signature_read_hex(const char *text, size_t digits, bool any_case, uint8_t *bytes);

/* s of `r||s||v` is at most n/2; two signatures would otherwise be good for one message. */
bool signature_is_low_s(const uint8_t signature[SIGNATURE_BYTES]);

/* The key that signed `digest`, from `r||s` and the recovery id; false when there is none. */
bool signature_recover(const uint8_t digest[32], const uint8_t signature[SIGNATURE_BYTES], int recovery_id,
                       char public_key[PUBLIC_KEY_TEXT_BYTES], char address[ADDRESS_TEXT_BYTES]);

/* Keccak-256 of the bytes, and of the EIP-191 personal message. */
void digest_of_text(const char *text, uint8_t digest[32]);
void digest_of_personal_message(const char *message, uint8_t digest[32]);

void random_uuid(char uuid[UUID_TEXT_BYTES]);
void random_token(char token[TOKEN_TEXT_BYTES]);

#endif
