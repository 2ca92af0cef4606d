#include "libcommon/files/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* In place of the C library's: it takes little at once, is interrupted each second time, and has room for so
 * much. */
static struct disk {
    size_t at_once;
    size_t room;
    unsigned calls;
} disk;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved names */
ssize_t write(int fd, const void *bytes, size_t length)
{
    errno = disk.calls % 2 ? EINTR : ENOSPC;
    if (disk.calls++ % 2 || !disk.room)
        return -1;
    length = length < disk.at_once ? length : disk.at_once;
    length = length < disk.room ? length : disk.room;
    disk.room -= length;
    return syscall(SYS_write, fd, bytes, length);
}

/* What of `text` got into a file; `ok` tells what file_write() said. */
static void write_text(const char *text, char *written, size_t room, bool *ok)
{
    int fd = memfd_create("file-test", MFD_CLOEXEC);
    errno = 0;
    *ok = file_write(fd, text, strlen(text));
    int reason = errno;
    ssize_t got = pread(fd, written, room - 1, 0);
    assert_true(got >= 0);
    written[got] = '\0';
    close(fd);
    errno = reason;
}

static void writes_all_whatever_one_write_takes(void **state)
{
    char written[32];
    bool ok;
    (void)state;
    disk = (struct disk){.at_once = 3, .room = 100};
    write_text("more than one write takes", written, sizeof written, &ok);
    assert_true(ok);
    assert_string_equal(written, "more than one write takes");
    assert_int_equal(disk.calls, 17); /* nine that took something, and eight interrupted ones between */
}

static void says_why_it_could_not_write_all(void **state)
{
    char written[32];
    bool ok;
    (void)state;
    disk = (struct disk){.at_once = 3, .room = 4};
    write_text("more than there is room for", written, sizeof written, &ok);
    assert_int_equal(errno, ENOSPC);
    assert_false(ok);
    assert_string_equal(written, "more");
}

static void writes_nothing_of_nothing(void **state)
{
    char written[2];
    bool ok;
    (void)state;
    disk = (struct disk){.at_once = 1};
    write_text("", written, sizeof written, &ok);
    assert_true(ok);
    assert_int_equal(disk.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_all_whatever_one_write_takes),
        cmocka_unit_test(says_why_it_could_not_write_all),
        cmocka_unit_test(writes_nothing_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
