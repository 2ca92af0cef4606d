#include "libcommon/base/uuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void accepts_either_case(void **state)
{
    (void)state;
    assert_true(uuid_is_valid("aff57e44-9f1d-4b2f-9be1-f456e996b668"));
    assert_true(uuid_is_valid("AFF57E44-9F1D-4B2F-9BE1-F456E996B668"));
    assert_true(uuid_is_valid("00000000-0000-0000-0000-000000000000"));
}

static void refuses_anything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "aff57e44",
                                        "aff57e449f1d4b2f9be1f456e996b668",
                                        "aff57e44-9f1d-4b2f-9be1-f456e996b66",
                                        "aff57e44-9f1d-4b2f-9be1-f456e996b6688",
                                        "aff57e44-9f1d-4b2f-9be1-f456e996b66g",
                                        "aff57e449-f1d-4b2f-9be1-f456e996b668",
                                        "{aff57e44-9f1d-4b2f-9be1-f456e996b6}",
                                        " ff57e44-9f1d-4b2f-9be1-f456e996b668"};
    assert_false(uuid_is_valid(NULL));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(uuid_is_valid(texts[i]));
}

static void makes_version_4_of_random_bytes(void **state)
{
    (void)state;
    uint8_t ones[UUID_BYTES];
    uint8_t zeros[UUID_BYTES] = {0};
    char out[UUID_TEXT_BYTES];
    memset(ones, 0xff, sizeof ones);
    assert_string_equal(uuid_format_random(ones, out), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_string_equal(uuid_format_random(zeros, out), "00000000-0000-4000-8000-000000000000");
    assert_true(uuid_is_valid(out));
}

static void every_place_takes_only_its_own_characters(void **state)
{
    (void)state;
    static const char valid[] = "0123abcd-4567-89ef-ABCD-EF0123456789";
    for (size_t place = 0; place < sizeof valid - 1; place++)
        for (int byte = 0; byte < 256; byte++) {
            char text[sizeof valid];
            memcpy(text, valid, sizeof valid);
            text[place] = (char)byte;
            bool fits = valid[place] == '-' ? byte == '-' : byte && strchr("0123456789abcdefABCDEF", byte);
            assert_int_equal(uuid_is_valid(text), fits);
        }
}

static void writes_its_bytes_in_order(void **state)
{
    (void)state;
    uint8_t bytes[UUID_BYTES];
    char out[UUID_TEXT_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 17);
    assert_string_equal(uuid_format_random(bytes, out), "00112233-4455-4677-8899-aabbccddeeff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_either_case),
        cmocka_unit_test(refuses_anything_else),
        cmocka_unit_test(makes_version_4_of_random_bytes),
        cmocka_unit_test(every_place_takes_only_its_own_characters),
        cmocka_unit_test(writes_its_bytes_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
