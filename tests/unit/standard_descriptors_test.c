/* libcommon/base/standard_descriptors.h: none of the three is closed. */
#include "libcommon/base/standard_descriptors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_null(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

/* In a process of its own. Bits of `closed` are descriptors. */
static int open_without(unsigned closed)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        int pipe_ends[2];
        bool ok = pipe2(pipe_ends, O_CLOEXEC) == 0;
        for (int fd = 0; fd < 3; fd++)
            ok = ok && (closed & (1U << fd) ? close(fd) == 0 : dup2(pipe_ends[1], fd) == fd);
        ok = ok && standard_descriptors_open();
        for (int fd = 0; fd < 3; fd++)
            ok = ok && is_null(fd) == !!(closed & (1U << fd)) && fcntl(fd, F_GETFD) == 0;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void what_is_closed_becomes_null_and_the_rest_stays(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++)
        assert_int_equal(open_without(closed), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_closed_becomes_null_and_the_rest_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
