#include "services/authd/wallet/wallet.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/keccak.h"
#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t seed[WALLET_SEED_BYTES] = {1, 2, 3};

static struct wallet *create(const char *key, struct error *error)
{
    struct secret text = SECRET_EMPTY;
    secret_assign(&text, key, strlen(key));
    struct wallet *wallet = wallet_create(&text, seed, error);
    secret_wipe(&text);
    return wallet;
}

static void reads_and_refuses_every_golden_key(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("keys.json");
    json_array_foreach(cases, index, vector)
    {
        struct error error;
        const char *key = vectors_text(vector, "private_key");
        vectors_announce(vector);
        struct wallet *wallet = create(key, &error);
        if (json_is_true(json_object_get(vector, "valid"))) {
            assert_non_null(wallet);
            assert_string_equal(wallet_address(wallet), vectors_text(vector, "address"));
            assert_string_equal(wallet_public_key(wallet), vectors_text(vector, "public_key"));
        } else {
            assert_null(wallet);
            assert_int_equal(error.code, ERROR_INVALID);
            /* A refused key is a key with a slip: it must not show either. */
            assert_true(strlen(key) < 8 || !strstr(error.text, key));
        }
        wallet_free(wallet);
    }
    json_decref(cases);
}

static void signs_every_golden_registration(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("registration.json");
    json_array_foreach(cases, index, vector)
    {
        struct error error;
        char signature[WALLET_REGISTRATION_SIGNATURE_BYTES];
        uint8_t digest[KECCAK256_BYTES];
        char digest_text[2 * KECCAK256_BYTES + 1];
        const char *url = vectors_text(vector, "url");
        const char *timestamp = vectors_text(vector, "timestamp");
        vectors_announce(vector);
        char *signed_text = memory_format("%s%s", url, timestamp);
        keccak256(signed_text, strlen(signed_text), digest);
        assert_string_equal(hex_encode(digest, sizeof digest, digest_text), vectors_text(vector, "digest"));
        struct wallet *wallet = create(vectors_text(vector, "private_key"), &error);
        assert_non_null(wallet);
        assert_true(wallet_sign_registration(wallet, url, timestamp, signature, &error));
        assert_string_equal(signature, vectors_text(vector, "signature"));
        assert_string_equal(wallet_public_key(wallet), vectors_text(vector, "public_key"));
        wallet_free(wallet);
        free(signed_text);
    }
    json_decref(cases);
}

static void signs_every_golden_siwe_message(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("siwe.json");
    json_array_foreach(cases, index, vector)
    {
        struct error error;
        char signature[WALLET_MESSAGE_SIGNATURE_BYTES];
        if (!json_is_true(json_object_get(vector, "valid")))
            continue;
        vectors_announce(vector);
        struct wallet *wallet = create(vectors_text(vector, "private_key"), &error);
        assert_non_null(wallet);
        assert_true(wallet_sign_personal_message(wallet, vectors_text(vector, "message"), signature, &error));
        assert_string_equal(signature, vectors_text(vector, "signature"));
        assert_string_equal(wallet_address(wallet), vectors_text(vector, "address"));
        wallet_free(wallet);
    }
    json_decref(cases);
}

static void refuses_an_upper_case_prefix_and_an_empty_secret(void **state)
{
    (void)state;
    struct error error;
    struct secret none = SECRET_EMPTY;
    assert_null(create("0X4c0883a69102937d6231471b5dbb6204fe5129617082798ce3f4fdf2548b6f90", &error));
    assert_null(wallet_create(&none, seed, &error));
    wallet_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_refuses_every_golden_key),
        cmocka_unit_test(signs_every_golden_registration),
        cmocka_unit_test(signs_every_golden_siwe_message),
        cmocka_unit_test(refuses_an_upper_case_prefix_and_an_empty_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
