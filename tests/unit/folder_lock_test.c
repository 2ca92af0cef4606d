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
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    char file[96];
    int fd;
    pid_t holder;
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "lock");
    snprintf(fixture->file, sizeof fixture->file, "%s/" FOLDER_LOCK_FILE, fixture->folder);
    fixture->fd = open(fixture->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->fd);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static int take(struct fixture *fixture)
{
    return folder_lock_take(fixture->fd, fixture->folder, &fixture->holder, &fixture->error);
}

static void who_comes_second_is_told_of_the_first(void **state)
{
    struct fixture *fixture = *state;
    int first = take(fixture);
    assert_true(first >= 0);
    assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(first, F_GETFL) & O_ACCMODE, O_RDONLY);
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

static void no_other_user_can_keep_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    close(take(fixture));
    assert_int_equal(stat(fixture->file, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
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

static void what_a_holder_of_before_left_is_no_lock(void **state)
{
    struct fixture *fixture = *state;
    char text[32] = "";
    int fd = open(fixture->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "123456789 and more\n", 19), 19);
    close(fd);
    assert_false(folder_lock_is_taken(fixture->folder, &fixture->holder));
    int lock = take(fixture);
    assert_true(lock >= 0);
    assert_true(pread(lock, text, sizeof text - 1, 0) > 0);
    assert_int_equal(strtol(text, NULL, 10), getpid());
    assert_null(strstr(text, "more"));
    close(lock);
}

static void a_file_that_is_somebody_s_other_is_not_written_to(void **state)
{
    struct fixture *fixture = *state;
    char other[96];
    struct stat status;
    snprintf(other, sizeof other, "%s/other", fixture->folder);
    int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    assert_int_equal(link(other, fixture->file), 0);
    assert_int_equal(take(fixture), -1);
    assert_int_not_equal(fixture->error.code, ERROR_CONFLICT);
    unlink(fixture->file);
    assert_int_equal(symlink(other, fixture->file), 0);
    assert_int_equal(take(fixture), -1);
    unlink(fixture->file);
    assert_int_equal(mkfifo(fixture->file, 0600), 0);
    assert_int_equal(take(fixture), -1);
    assert_int_equal(stat(other, &status), 0);
    assert_int_equal(status.st_size, 8);
}

static void a_look_makes_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_false(folder_lock_is_taken(fixture->folder, &fixture->holder));
    assert_int_equal(access(fixture->file, F_OK), -1);
    assert_false(folder_lock_is_taken("/nonexistent", &fixture->holder));
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(who_comes_second_is_told_of_the_first),
        WITH_FOLDER(no_other_user_can_keep_the_lock),
        WITH_FOLDER(it_lasts_until_the_last_heir_is_gone),
        WITH_FOLDER(what_a_holder_of_before_left_is_no_lock),
        WITH_FOLDER(a_file_that_is_somebody_s_other_is_not_written_to),
        WITH_FOLDER(a_look_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
