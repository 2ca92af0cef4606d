/* libcommon/message/message_measure.h beside msgpack's own unpacker, to be trusted with small sizes. */
#include "libcommon/message/message_measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 48 };

static bool unpacks(const char *bytes, size_t length)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    bool ok = msgpack_unpack_next(&unpacked, bytes, length, NULL) == MSGPACK_UNPACK_SUCCESS;
    msgpack_unpacked_destroy(&unpacked);
    return ok;
}

/* In memory of just that size, so that a read behind it is seen. */
static bool measures(const char *bytes, size_t length)
{
    char *exact = malloc(length ? length : 1);
    memcpy(exact, bytes, length);
    bool ok = message_measure(exact, length);
    free(exact);
    return ok;
}

/* The object's type, the number that may tell its size, and small integers that may be inside. */
static void every_type_of_any_small_size_is_whole_where_msgpack_says_so(void **state)
{
    (void)state;
    static const char numbers[][8] = {{0, 0, 0, 0},  {1, 0, 0, 0}, {3, 1, 2, 0}, {0, 5, 0, 0}, {0, 0, 0, 7},
                                      {0, 0, 0, 17}, {0, 0, 1, 0}, {0, 1, 0, 0}, {20, 0, 0, 0}};
    for (int type = 0; type < 256; type++)
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            /* An array or map of so many would be allocated, which is what measuring is there against. */
            if ((type == 0xdd || type == 0xdf) && numbers[i][0])
                continue;
            char bytes[BYTES];
            memset(bytes, 1, sizeof bytes);
            bytes[0] = (char)type;
            memcpy(bytes + 1, numbers[i], 4);
            for (size_t length = 0; length <= BYTES; length++)
                if (measures(bytes, length) != unpacks(bytes, length))
                    fail_msg("type %02x with number %zu differs at %zu bytes", (unsigned)type, i, length);
        }
}

static void eight_levels_are_the_deepest(void **state)
{
    (void)state;
    char arrays[10];
    char maps[2 * 9];
    memset(arrays, 0x91, sizeof arrays); /* each an array of one */
    for (size_t i = 0; i < sizeof maps; i++)
        maps[i] = i % 2 ? 1 : (char)0x81; /* each a map of 1 to the next */
    for (size_t depth = 1; depth <= 9; depth++) {
        char text[2 * 9 + 1];
        memcpy(text, arrays, depth);
        text[depth] = 1;
        assert_int_equal(measures(text, depth + 1), depth <= 8);
        memcpy(text, maps, 2 * depth);
        text[2 * depth] = 1;
        assert_int_equal(measures(text, 2 * depth + 1), depth <= 8);
    }
    /* Many beside each other are not deep. */
    static const char beside[] =
        "\x9c\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1\x91\1";
    assert_true(measures(beside, sizeof beside - 1));
    assert_false(measures(beside, sizeof beside - 2));
}

static void what_follows_a_whole_object_is_not_looked_at(void **state)
{
    (void)state;
    assert_true(measures("\x01\xc1", 2));
    assert_true(measures("\x92\x01\x02\xc1", 4));
    assert_true(measures("\x80\xdd", 2));
    assert_false(measures("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_any_small_size_is_whole_where_msgpack_says_so),
        cmocka_unit_test(eight_levels_are_the_deepest),
        cmocka_unit_test(what_follows_a_whole_object_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
