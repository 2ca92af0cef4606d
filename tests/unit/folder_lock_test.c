/* libcommon/files/folder_lock.h: one at a time has a folder. */
#include "libcommon/files/folder_lock.h"

#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    pid_t holder;
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "lock");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

/* The descriptor; -1: another has the folder. */
static int take(struct fixture *fixture)
{
    int fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (folder_lock_take(fd, fixture->folder, &fixture->holder, &fixture->error))
        return fd;
    close(fd);
    return -1;
}

static void who_comes_second_is_told_of_the_first(void **state)
{
    struct fixture *fixture = *state;
    int first = take(fixture);
    assert_true(first >= 0);
    assert_int_equal(take(fixture), -1);
    assert_int_equal(fixture->error.code, ERROR_CONFLICT);
    assert_int_equal(fixture->holder, getpid());
    assert_true(folder_lock_is_taken(fixture->folder, &fixture->holder));
    assert_int_equal(fixture->holder, getpid());
    close(first);
    assert_false(folder_lock_is_taken(fixture->folder, &fixture->holder));
    int second = take(fixture);
    assert_true(second >= 0);
    close(second);
}

static void it_lasts_until_the_last_heir_is_gone(void **state)
{
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int lock = take(fixture);
    assert_true(lock >= 0);
    pid_t heir = fork();
    if (heir == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(lock);
    assert_int_equal(take(fixture), -1);
    assert_int_equal(fixture->holder, getpid()); /* who took it */
    close(ends[1]);
    close(ends[0]);
    assert_int_equal(waitpid(heir, NULL, 0), heir);
    lock = take(fixture);
    assert_true(lock >= 0);
    close(lock);
}

static void nothing_is_made_and_what_is_made_there_is_no_matter(void **state)
{
    struct fixture *fixture = *state;
    char file[96];
    int lock = take(fixture);
    assert_true(lock >= 0);
    assert_int_equal(rmdir(fixture->folder), 0); /* it is empty */
    close(lock);
    assert_int_equal(mkdir(fixture->folder, 0700), 0);
    snprintf(file, sizeof file, "%s/.lock", fixture->folder);
    lock = take(fixture);
    assert_int_equal(symlink("/dev/null", file), 0);
    assert_int_equal(take(fixture), -1);
    close(lock);
    lock = take(fixture);
    assert_true(lock >= 0);
    close(lock);
}

static void a_folder_that_is_not_there_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    assert_false(folder_lock_is_taken("/nonexistent", &fixture->holder));
    assert_int_equal(fixture->holder, 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(who_comes_second_is_told_of_the_first),
        WITH_FOLDER(it_lasts_until_the_last_heir_is_gone),
        WITH_FOLDER(nothing_is_made_and_what_is_made_there_is_no_matter),
        WITH_FOLDER(a_folder_that_is_not_there_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
