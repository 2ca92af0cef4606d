#include "services/authd/wallet/wallet.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/keccak.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 32, POINT_BYTES = 65, COMPACT_BYTES = 64, SIGNATURE_BYTES = 65, V_OF_MESSAGES = 27 };

struct wallet {
    secp256k1_context *context;
    struct secret key;
    char address[WALLET_ADDRESS_BYTES];
    char public_key[WALLET_PUBLIC_KEY_BYTES];
};

/* The reason names no digit: errors end up in logs. */
static bool read_key(const struct secret *key_text, uint8_t key[KEY_BYTES], struct error *error)
{
    const char *text = key_text->bytes ? key_text->bytes : "";
    size_t length = key_text->length;
    text_trim(&text, &length);
    if (length >= 2 && text[0] == '0' && text[1] == 'x') {
        text += 2;
        length -= 2;
    }
    if (length != (size_t)2 * KEY_BYTES)
        return error_set(error, ERROR_INVALID, "the private key must have 64 hexadecimal digits");
    if (!hex_decode(text, length, key))
        return error_set(error, ERROR_INVALID,
                         "the private key has a character that is no hexadecimal digit");
    return true;
}

/* The address is the end of the hash of the point without its leading 04. */
static void write_names(struct wallet *wallet, const uint8_t point[POINT_BYTES])
{
    uint8_t digest[KECCAK256_BYTES];
    hex_encode(point, POINT_BYTES, wallet->public_key);
    keccak256(point + 1, POINT_BYTES - 1, digest);
    wallet->address[0] = '0';
    wallet->address[1] = 'x';
    hex_encode(digest + KECCAK256_BYTES - 20, 20, wallet->address + 2);
}

static bool derive(struct wallet *wallet, const uint8_t seed[WALLET_SEED_BYTES], struct error *error)
{
    secp256k1_pubkey public_key;
    uint8_t point[POINT_BYTES];
    size_t point_bytes = sizeof point;
    const uint8_t *key = (const uint8_t *)wallet->key.bytes;
    if (!secp256k1_context_randomize(wallet->context, seed))
        return error_set(error, ERROR_SYSTEM, "libsecp256k1 could not be randomised");
    if (!secp256k1_ec_seckey_verify(wallet->context, key) ||
        !secp256k1_ec_pubkey_create(wallet->context, &public_key, key))
        return error_set(error, ERROR_INVALID, "the private key is not in the range of secp256k1");
    secp256k1_ec_pubkey_serialize(wallet->context, point, &point_bytes, &public_key,
                                  SECP256K1_EC_UNCOMPRESSED);
    write_names(wallet, point);
    return true;
}

struct wallet *wallet_create(const struct secret *key_text, const uint8_t seed[WALLET_SEED_BYTES],
                             struct error *error)
{
    uint8_t key[KEY_BYTES];
    struct wallet *wallet = NULL;
    if (read_key(key_text, key, error)) {
        wallet = memory_allocate(sizeof *wallet);
        secret_assign_locked(&wallet->key, key, sizeof key);
        wallet->context = secp256k1_context_create(SECP256K1_CONTEXT_SIGN);
        if (!wallet->context)
            memory_exhausted();
        if (!derive(wallet, seed, error)) {
            wallet_free(wallet);
            wallet = NULL;
        }
    }
    secret_wipe_bytes(key, sizeof key);
    return wallet;
}

void wallet_free(struct wallet *wallet)
{
    if (!wallet)
        return;
    secret_wipe(&wallet->key);
    if (wallet->context)
        secp256k1_context_destroy(wallet->context);
    free(wallet);
}

const char *wallet_address(const struct wallet *wallet)
{
    return wallet->address;
}

const char *wallet_public_key(const struct wallet *wallet)
{
    return wallet->public_key;
}

/* libsecp256k1's default nonce is RFC 6979's, and its signatures have a low s. Writes 130 digits and NUL. */
static bool sign_digest(const struct wallet *wallet, const uint8_t digest[KECCAK256_BYTES], int v_of_zero,
                        char *out, struct error *error)
{
    secp256k1_ecdsa_recoverable_signature signature;
    uint8_t bytes[SIGNATURE_BYTES];
    int recovery_id = 0;
    if (!secp256k1_ecdsa_sign_recoverable(wallet->context, &signature, digest,
                                          (const uint8_t *)wallet->key.bytes, NULL, NULL))
        return error_set(error, ERROR_SYSTEM, "libsecp256k1 could not sign");
    secp256k1_ecdsa_recoverable_signature_serialize_compact(wallet->context, bytes, &recovery_id, &signature);
    bytes[COMPACT_BYTES] = (uint8_t)(recovery_id + v_of_zero);
    hex_encode(bytes, sizeof bytes, out);
    return true;
}

bool wallet_sign_registration(const struct wallet *wallet, const char *url, const char *timestamp,
                              char signature[WALLET_REGISTRATION_SIGNATURE_BYTES], struct error *error)
{
    uint8_t digest[KECCAK256_BYTES];
    char *signed_text = memory_format("%s%s", url, timestamp);
    keccak256(signed_text, strlen(signed_text), digest);
    free(signed_text);
    return sign_digest(wallet, digest, 0, signature, error);
}

bool wallet_sign_personal_message(const struct wallet *wallet, const char *message,
                                  char signature[WALLET_MESSAGE_SIGNATURE_BYTES], struct error *error)
{
    uint8_t digest[KECCAK256_BYTES];
    char *signed_text = memory_format("\x19"
                                      "Ethereum Signed Message:\n%zu%s",
                                      strlen(message), message);
    keccak256(signed_text, strlen(signed_text), digest);
    free(signed_text);
    signature[0] = '0';
    signature[1] = 'x';
    return sign_digest(wallet, digest, V_OF_MESSAGES, signature + 2, error);
}
