#include "libcommon/base/log_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_BYTES = 1024, ALL = LIMIT_LOG_QUEUE_BYTES / LINE_BYTES, OF_JOBS = ALL / 4 * 3 };

static struct log_queue queue;
static char out[LIMIT_LOG_LINE_BYTES];

static int set_up(void **state)
{
    (void)state;
    memset(&queue, 0, sizeof queue);
    return 0;
}

/* A line of LINE_BYTES that begins with its number. */
static void put(enum log_origin origin, int number)
{
    char line[LINE_BYTES + 1];
    snprintf(line, sizeof line, "%08d%*s", number, LINE_BYTES - 8, "\n");
    log_queue_put(&queue, origin, line, LINE_BYTES);
}

static void put_many(enum log_origin origin, int count)
{
    for (int i = 0; i < count; i++)
        put(origin, i);
}

/* Takes lines one by one; returns how many there were. */
static int take_all(int most)
{
    int count = 0;
    while (count < most && log_queue_take(&queue, out, LINE_BYTES + 5) > 0)
        count++;
    return count;
}

static void lines_come_out_whole_and_in_order(void **state)
{
    (void)state;
    assert_int_equal(log_queue_take(&queue, out, sizeof out), 0);
    /* Many times around the ring, whose size is no multiple of these lines. */
    for (int i = 0, next = 0; i < 3 * LIMIT_LOG_QUEUE_BYTES / 100; i++) {
        char line[160];
        int length = snprintf(line, sizeof line, "%d%*s", i, 90 + i % 50, "\n");
        log_queue_put(&queue, LOG_ORIGIN_NODE, line, (size_t)length);
        if (i % 5)
            continue;
        size_t got = log_queue_take(&queue, out, 400);
        assert_true(got > 0 && got <= 400);
        assert_int_equal(out[got - 1], '\n');
        for (const char *at = out; at < out + got; at = strchr(at, '\n') + 1)
            assert_int_equal(strtol(at, NULL, 10), next++);
    }
    assert_int_equal(log_queue_gap(&queue), 0);
}

static void as_many_lines_as_fit_are_taken_at_once(void **state)
{
    (void)state;
    put_many(LOG_ORIGIN_NODE, 9);
    assert_int_equal(log_queue_take(&queue, out, sizeof out), 4 * LINE_BYTES);
    assert_int_equal(log_queue_take(&queue, out, 4 * LINE_BYTES - 1), 3 * LINE_BYTES);
    assert_int_equal(log_queue_take(&queue, out, sizeof out), 2 * LINE_BYTES);
    assert_int_equal(log_queue_take(&queue, out, sizeof out), 0);
}

static void what_does_not_fit_is_dropped_and_counted_once(void **state)
{
    (void)state;
    put_many(LOG_ORIGIN_NODE, ALL + 7);
    /* Not while there is hardly room for it. */
    assert_int_equal(log_queue_gap(&queue), 0);
    assert_int_equal(take_all(ALL / 4 * 3 - 1), ALL / 4 * 3 - 1);
    assert_int_equal(log_queue_gap(&queue), 0);
    put(LOG_ORIGIN_NODE, 0);
    assert_int_equal(take_all(1), 1);
    assert_int_equal(log_queue_gap(&queue), 8);
    assert_int_equal(log_queue_gap(&queue), 0);
    put(LOG_ORIGIN_NODE, 4711);
    assert_int_equal(take_all(ALL), ALL / 4 + 1);
    assert_memory_equal(out, "00004711", 8);
}

static void jobs_leave_room_for_what_the_node_says(void **state)
{
    (void)state;
    put_many(LOG_ORIGIN_JOB, OF_JOBS + 5);
    assert_int_equal(queue.length, OF_JOBS * LINE_BYTES);
    put_many(LOG_ORIGIN_NODE, ALL - OF_JOBS);
    assert_int_equal(queue.dropped, 5);
    put(LOG_ORIGIN_NODE, 1);
    assert_int_equal(queue.dropped, 6);
    assert_int_equal(take_all(ALL), ALL);
    assert_int_equal(log_queue_gap(&queue), 6);
    put(LOG_ORIGIN_JOB, 1);
    put(LOG_ORIGIN_NODE, 2);
    assert_int_equal(take_all(ALL), 2);
}

static void lines_that_cannot_be_written_count_and_leave_the_queue_open(void **state)
{
    (void)state;
    put_many(LOG_ORIGIN_NODE, ALL + 1);
    size_t length = log_queue_take(&queue, out, sizeof out);
    while (queue.length) {
        log_queue_lose(&queue, out, length);
        length = log_queue_take(&queue, out, sizeof out);
    }
    log_queue_lose(&queue, out, length);
    put(LOG_ORIGIN_NODE, 5);
    assert_int_equal(take_all(ALL), 1);
    assert_int_equal(log_queue_gap(&queue), ALL + 1);
}

/* What limits.h promises: all that one job may print at once fits, with who and when in each line. */
static void a_jobs_burst_fits(void **state)
{
    (void)state;
    assert_true(LIMIT_OUTPUT_LOGGED_BYTES / 10 * 11 <= OF_JOBS * LINE_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_come_out_whole_and_in_order, set_up),
        cmocka_unit_test_setup(as_many_lines_as_fit_are_taken_at_once, set_up),
        cmocka_unit_test_setup(what_does_not_fit_is_dropped_and_counted_once, set_up),
        cmocka_unit_test_setup(jobs_leave_room_for_what_the_node_says, set_up),
        cmocka_unit_test_setup(lines_that_cannot_be_written_count_and_leave_the_queue_open, set_up),
        cmocka_unit_test(a_jobs_burst_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
