/*
 * The node's key on secp256k1. It signs what authd composed itself and nothing else: a registration
 * (docs/network.md 1.1) and a SIWE message (2.3). The key's bytes are wiped when the wallet is freed and
 * never leave it.
 */
#ifndef AUTHD_WALLET_WALLET_H
#define AUTHD_WALLET_WALLET_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WALLET_SEED_BYTES = 32,
    WALLET_ADDRESS_BYTES = 43,                 /* 0x, 40 digits, NUL */
    WALLET_PUBLIC_KEY_BYTES = 131,             /* 130 digits, NUL */
    WALLET_REGISTRATION_SIGNATURE_BYTES = 131, /* 130 digits, NUL */
    WALLET_MESSAGE_SIGNATURE_BYTES = 133,      /* 0x, 130 digits, NUL */
};

struct wallet;

/*
 * Reads a key as SECP256K1_PRIVHEX may have it: 64 hexadecimal digits, with or without 0x, trimmed, in [1,
 * n-1]. `seed` is random and blinds the signing against side channels. NULL when the key is refused; the
 * error never shows it.
 */
struct wallet *wallet_create(const struct secret *key_text, const uint8_t seed[WALLET_SEED_BYTES],
                             struct error *error);
void wallet_free(struct wallet *wallet);

/* 0x and 40 lower-case digits. */
const char *wallet_address(const struct wallet *wallet);

/* The uncompressed point: 130 lower-case digits that begin with 04. */
const char *wallet_public_key(const struct wallet *wallet);

/* r, s and v (0 or 1) as 130 lower-case digits over Keccak-256 of url and timestamp. */
bool wallet_sign_registration(const struct wallet *wallet, const char *url, const char *timestamp,
                              char signature[WALLET_REGISTRATION_SIGNATURE_BYTES], struct error *error);

/* 0x, r, s and v (27 or 28) over the EIP-191 digest of the message. */
bool wallet_sign_personal_message(const struct wallet *wallet, const char *message,
                                  char signature[WALLET_MESSAGE_SIGNATURE_BYTES], struct error *error);

#endif
