#include "libcommon/base/keccak.h"

#include "libcommon/base/hex.h"
#include "libcommon/base/memory.h"
#include "tests/unit/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void hashes_every_golden_input(void **state)
{
    (void)state;
    size_t index;
    json_t *vector;
    json_t *cases = vectors_load("keccak.json");
    json_array_foreach(cases, index, vector)
    {
        vectors_announce(vector);
        const char *input = vectors_text(vector, "input");
        size_t length = strlen(input) / 2;
        uint8_t *bytes = memory_allocate(length);
        uint8_t digest[KECCAK256_BYTES];
        char text[2 * KECCAK256_BYTES + 1];
        assert_int_equal(length, json_integer_value(json_object_get(vector, "length")));
        assert_true(hex_decode(input, 2 * length, bytes));
        keccak256(bytes, length, digest);
        assert_string_equal(hex_encode(digest, sizeof digest, text), vectors_text(vector, "keccak256"));
        free(bytes);
    }
    json_decref(cases);
}

static void nothing_has_a_hash_too(void **state)
{
    (void)state;
    uint8_t digest[KECCAK256_BYTES];
    char text[2 * KECCAK256_BYTES + 1];
    keccak256(NULL, 0, digest);
    assert_string_equal(hex_encode(digest, sizeof digest, text),
                        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hashes_every_golden_input),
                                       cmocka_unit_test(nothing_has_a_hash_too)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
