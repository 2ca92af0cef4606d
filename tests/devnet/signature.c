#include "tests/devnet/signature.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/keccak.h"
#include "libcommon/base/memory.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

bool signature_read_hex(const char *text, size_t digits, bool any_case, uint8_t *bytes)
{
    size_t length = strlen(text);

    if (length != digits || (!any_case && strspn(text, "0123456789abcdef") != length))
        return false;
    return hex_decode(text, digits, bytes);
}

bool signature_is_low_s(const uint8_t signature[SIGNATURE_BYTES])
{
    static const char half_order[] = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    uint8_t half[32];

    return hex_decode(half_order, sizeof(half_order) - 1, half) &&
           memcmp(signature + 32, half, sizeof(half)) <= 0;
}

bool signature_recover(const uint8_t digest[32], const uint8_t signature[SIGNATURE_BYTES], int recovery_id,
                       char public_key[PUBLIC_KEY_TEXT_BYTES], char address[ADDRESS_TEXT_BYTES])
{
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey key;
    uint8_t point[65], hash[32];
    size_t length = sizeof(point);
    bool found =
        secp256k1_ecdsa_recoverable_signature_parse_compact(context, &parsed, signature, recovery_id) &&
        secp256k1_ecdsa_recover(context, &key, &parsed, digest) &&
        secp256k1_ec_pubkey_serialize(context, point, &length, &key, SECP256K1_EC_UNCOMPRESSED);

    secp256k1_context_destroy(context);
    if (!found)
        return false;
    hex_encode(point, sizeof(point), public_key);
    keccak256(point + 1, sizeof(point) - 1, hash);
    address[0] = '0';
    address[1] = 'x';
    hex_encode(hash + 12, 20, address + 2);
    return true;
}

void digest_of_text(const char *text, uint8_t digest[32])
{
    keccak256(text, strlen(text), digest);
}

void digest_of_personal_message(const char *message, uint8_t digest[32])
{
    char *signed_text = memory_format("\x19"
                                      "Ethereum Signed Message:\n%zu%s",
                                      strlen(message), message);

    digest_of_text(signed_text, digest);
    free(signed_text);
}

static void fill_randomly(uint8_t *bytes, int count)
{
    if (RAND_bytes(bytes, count) != 1)
        abort();
}

void random_uuid(char uuid[UUID_TEXT_BYTES])
{
    uint8_t bytes[UUID_BYTES];

    fill_randomly(bytes, sizeof(bytes));
    uuid_format_random(bytes, uuid);
}

void random_token(char token[TOKEN_TEXT_BYTES])
{
    uint8_t bytes[32];

    fill_randomly(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), token);
}
