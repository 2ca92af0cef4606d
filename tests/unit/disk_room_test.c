/* libcommon/files/disk_room.h: DISK_RESERVE_BYTES. */
#include "libcommon/files/disk_room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool is_low(int64_t bytes, int64_t inodes, int64_t reserve_bytes)
{
    return disk_room_is_low(&(struct disk_room){bytes, inodes}, reserve_bytes);
}

static void too_few_bytes_or_inodes_are_low(void **state)
{
    (void)state;
    assert_false(is_low(1000, DISK_ROOM_INODES, 1000));
    assert_true(is_low(999, DISK_ROOM_INODES, 1000));
    assert_true(is_low(0, INT64_MAX, 1));
    assert_true(is_low(INT64_MAX, DISK_ROOM_INODES - 1, 1000));
}

static void what_is_not_known_or_not_asked_for_is_not_low(void **state)
{
    (void)state;
    assert_false(is_low(-1, -1, INT64_MAX));
    assert_false(is_low(1000, -1, 1000)); /* btrfs has no limit of inodes */
    assert_false(is_low(0, 0, 0));
}

static void the_sentence_says_what_is_low_and_where(void **state)
{
    (void)state;
    char text[256];
    disk_room_describe(&(struct disk_room){12000000, 5}, 1073741824, "/work", text, sizeof text);
    assert_string_equal(text, "disk: 11.4 MiB free at /work, no task below 1.0 GiB (DISK_RESERVE_BYTES)");
    disk_room_describe(&(struct disk_room){1023, 5}, INT64_MAX, "/work", text, sizeof text);
    assert_string_equal(text,
                        "disk: 1023 bytes free at /work, no task below 8388608.0 TiB (DISK_RESERVE_BYTES)");
    disk_room_describe(&(struct disk_room){2000000000, 5}, 1073741824, "/work", text, sizeof text);
    assert_string_equal(text, "disk: 5 files more fit at /work, no task below 10000 (inodes, df -i)");
}

static void a_disk_is_asked_and_one_that_is_not_there_is_not_known(void **state)
{
    (void)state;
    assert_true(disk_room_look("/").bytes >= 0);
    assert_int_equal(disk_room_look("/nonexistent/folder").bytes, -1);
    assert_int_equal(disk_room_look("/nonexistent/folder").inodes, -1);
    assert_int_equal(disk_room_look("/proc").inodes, -1); /* says that it has none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_bytes_or_inodes_are_low),
        cmocka_unit_test(what_is_not_known_or_not_asked_for_is_not_low),
        cmocka_unit_test(the_sentence_says_what_is_low_and_where),
        cmocka_unit_test(a_disk_is_asked_and_one_that_is_not_there_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
