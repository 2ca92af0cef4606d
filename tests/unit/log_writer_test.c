/* The log's thread, whose stderr is a pipe that is read when the test says so. Events are waited for, no
 * time. */
#include "libcommon/base/log.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/standard_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PADDING = 1000, LINES = 2 * LIMIT_LOG_QUEUE_BYTES / PADDING };

static int kept;
static int reading;
static FILE *stream;

/* cmocka reports to the stderr that was there before. */
static int set_up(void **state)
{
    int ends[2];
    (void)state;
    kept = dup(STDERR_FILENO);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reading = ends[0];
    stream = fdopen(dup(ends[0]), "r");
    log_configure("test", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    return stream ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(reading);
    fclose(stream);
    return 0;
}

static size_t unread(void)
{
    int bytes = 0;
    ioctl(reading, FIONREAD, &bytes);
    return (size_t)bytes;
}

/* Before the thread runs: nobody waits longer than the patience of standard_error.h, and what was not said is
 * told of later. */
static void a_full_pipe_does_not_stop_one_who_has_no_thread_yet(void **state)
{
    char line[LIMIT_LOG_LINE_BYTES];
    (void)state;
    memset(line, '.', sizeof line);
    line[sizeof line - 1] = '\n';
    while (standard_error_write_soon(line, sizeof line) == sizeof line)
        continue;
    size_t before = unread();
    log_info("into the full pipe");
    assert_int_equal(unread(), before);
    while (unread())
        assert_true(read(reading, line, sizeof line) > 0);
}

/* More than pipe and queue hold, and nobody reads: that this comes to its end is the point. */
static void say_too_much(void)
{
    for (int i = 0; i < LINES; i++)
        log_info("line %d %*s", i, PADDING, ".");
}

/* Reads until `expected` lines were there, in their order, or told of. Returns how many were there. */
static long read_all(long expected)
{
    char line[LIMIT_LOG_LINE_BYTES + 2];
    long next = 0;
    long dropped = 0;
    while (next + dropped < expected && fgets(line, sizeof line, stream)) {
        const char *text = strstr(line, "test     ") + 9;
        if (strncmp(text, "line ", 5) == 0) {
            assert_int_equal(strtol(text + 5, NULL, 10), next++);
            continue;
        }
        assert_non_null(strstr(text, " of the log w"));
        dropped += strtol(text, NULL, 10);
    }
    assert_int_equal(next + dropped, expected);
    return next;
}

static void what_nobody_reads_is_dropped_counted_and_told(void **state)
{
    struct error error;
    char line[LIMIT_LOG_LINE_BYTES];
    (void)state;
    assert_true(log_start_writer(&error));
    say_too_much();
    /* The one that found no thread yet is told of, too. */
    assert_true(read_all(LINES + 1) > LIMIT_LOG_QUEUE_BYTES / 2 / PADDING);
    log_info("after the gap");
    assert_non_null(fgets(line, sizeof line, stream));
    assert_non_null(strstr(line, "after the gap"));
}

static void a_process_ends_although_nobody_reads_and_counts_what_it_leaves(void **state)
{
    (void)state;
    say_too_much();
    log_finish();
    assert_true(read_all(LINES) < LIMIT_LOG_QUEUE_BYTES / 2 / PADDING);
}

static void a_log_that_is_read_is_whole_when_the_process_ends(void **state)
{
    (void)state;
    char line[LIMIT_LOG_LINE_BYTES];
    for (int i = 0; i < 10; i++)
        log_info("last words %d", i);
    log_finish();
    for (int i = 0; i < 10; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "last words %d\n", i);
        assert_non_null(fgets(line, sizeof line, stream));
        assert_non_null(strstr(line, expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_pipe_does_not_stop_one_who_has_no_thread_yet),
        cmocka_unit_test(what_nobody_reads_is_dropped_counted_and_told),
        cmocka_unit_test(a_process_ends_although_nobody_reads_and_counts_what_it_leaves),
        cmocka_unit_test(a_log_that_is_read_is_whole_when_the_process_ends),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
