#include "services/stored/artifacts/artifact_file.h"

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
#include <time.h>
#include <unistd.h>

struct fixture {
    char path[64];
    struct artifact_file file;
};

static void set_modified(const struct fixture *fixture, struct timespec moment)
{
    const struct timespec times[2] = {moment, moment};
    assert_int_equal(utimensat(AT_FDCWD, fixture->path, times, 0), 0);
}

static void append(const struct fixture *fixture, const char *text)
{
    int fd = open(fixture->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void take(struct fixture *fixture)
{
    struct error error;
    artifact_file_close(&fixture->file);
    assert_true(artifact_file_take(&fixture->file, open(fixture->path, O_RDONLY | O_CLOEXEC), &error));
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    strcpy(fixture->path, "/tmp/posemesh-artifact-XXXXXX");
    close(mkstemp(fixture->path));
    fixture->file.fd = -1;
    append(fixture, "0123456789");
    set_modified(fixture, (struct timespec){1700000000, 5});
    take(fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    artifact_file_close(&fixture->file);
    unlink(fixture->path);
    free(fixture);
    return 0;
}

static void reads_at_any_place(void **state)
{
    const struct fixture *fixture = *state;
    char bytes[8] = "";
    assert_int_equal(fixture->file.bytes, 10);
    assert_int_equal(artifact_file_read(&fixture->file, 7, bytes, sizeof bytes), 3);
    assert_memory_equal(bytes, "789", 3);
    assert_int_equal(artifact_file_read(&fixture->file, 10, bytes, sizeof bytes), 0);
}

static void a_file_that_nobody_touched_is_unchanged(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    assert_true(artifact_file_is_unchanged(&fixture->file, &error));
}

static void a_change_shows_also_when_the_size_is_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    set_modified(fixture, (struct timespec){1700000000, 6});
    assert_false(artifact_file_is_unchanged(&fixture->file, &error));
    assert_int_equal(error.code, ERROR_CONFLICT);
    take(fixture);
    assert_int_equal(truncate(fixture->path, 9), 0);
    set_modified(fixture, (struct timespec){1700000000, 6});
    assert_false(artifact_file_is_unchanged(&fixture->file, &error));
}

static void another_file_has_another_mark(void **state)
{
    struct fixture *fixture = *state;
    struct file_fingerprint first = fixture->file.fingerprint;
    char copy[80];
    assert_true(file_fingerprint_equals(&first, &fixture->file.fingerprint));
    snprintf(copy, sizeof copy, "%s.copy", fixture->path);
    int fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    close(fd);
    assert_int_equal(rename(copy, fixture->path), 0);
    set_modified(fixture, (struct timespec){1700000000, 5});
    take(fixture);
    assert_false(file_fingerprint_equals(&first, &fixture->file.fingerprint));
}

static void a_file_written_just_now_may_be_written_again_unseen(void **state)
{
    struct fixture *fixture = *state;
    struct timespec now;
    assert_true(file_fingerprint_is_settled(&fixture->file.fingerprint));
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += 60;
    set_modified(fixture, now);
    take(fixture);
    assert_false(file_fingerprint_is_settled(&fixture->file.fingerprint));
}

/* --- a stream --- */

static void grows_as_far_as_the_file_goes_and_never_back(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    fixture->file.bytes = 0;
    assert_true(artifact_file_grow(&fixture->file, 4, &error));
    assert_true(artifact_file_grow(&fixture->file, 3, &error));
    assert_int_equal(fixture->file.bytes, 4);
    assert_false(artifact_file_grow(&fixture->file, 11, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    append(fixture, "x");
    assert_true(artifact_file_grow(&fixture->file, 11, &error));
    assert_int_equal(fixture->file.bytes, 11);
}

static void ends_with_what_the_file_has(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    fixture->file.bytes = 0;
    append(fixture, "xy");
    assert_false(artifact_file_finish(&fixture->file, 10, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_true(artifact_file_finish(&fixture->file, 12, &error));
    assert_int_equal(fixture->file.bytes, 12);
    assert_true(artifact_file_is_unchanged(&fixture->file, &error));
    append(fixture, "z");
    assert_false(artifact_file_is_unchanged(&fixture->file, &error));
    assert_true(artifact_file_finish(&fixture->file, ARTIFACT_FILE_ALL, &error));
    assert_int_equal(fixture->file.bytes, 13);
}

static void does_not_end_with_less_than_was_announced(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_int_equal(truncate(fixture->path, 5), 0);
    assert_false(artifact_file_finish(&fixture->file, 5, &error));
    assert_false(artifact_file_finish(&fixture->file, ARTIFACT_FILE_ALL, &error));
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FILE(reads_at_any_place),
        WITH_FILE(a_file_that_nobody_touched_is_unchanged),
        WITH_FILE(a_change_shows_also_when_the_size_is_the_same),
        WITH_FILE(another_file_has_another_mark),
        WITH_FILE(a_file_written_just_now_may_be_written_again_unseen),
        WITH_FILE(grows_as_far_as_the_file_goes_and_never_back),
        WITH_FILE(ends_with_what_the_file_has),
        WITH_FILE(does_not_end_with_less_than_was_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
