#include "services/stored/workspace/removal_queue.h"
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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { TREES = 3, FILES = 200 };

/* In place of the C library's: a disk that takes so long for each entry. */
static long unlink_us;
static int unlinked;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved names */
int unlinkat(int folder_fd, const char *name, int flags)
{
    const struct timespec wait = {.tv_nsec = unlink_us * 1000};
    if (unlink_us)
        nanosleep(&wait, NULL);
    unlinked++;
    return (int)syscall(SYS_unlinkat, folder_fd, name, flags);
}

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    int fd;
    struct loop *loop;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct error error;
    char name[32];
    temporary_folder_make(fixture->folder, "removals");
    fixture->fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fixture->loop = loop_create(&error);
    assert_non_null(fixture->loop);
    for (int tree = 0; tree < TREES; tree++) {
        snprintf(name, sizeof name, "%d", tree);
        assert_int_equal(mkdirat(fixture->fd, name, 0700), 0);
        for (int file = 0; file < FILES; file++) {
            snprintf(name, sizeof name, "%d/%d", tree, file);
            int fd = openat(fixture->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
            assert_true(fd >= 0);
            close(fd);
        }
    }
    unlink_us = 3000;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    unlink_us = 0;
    loop_free(fixture->loop);
    close(fixture->fd);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static struct removal_queue *begin(const struct fixture *fixture, removal_done_function *on_done,
                                   void *context)
{
    char name[32];
    struct removal_queue *queue = removal_queue_create(fixture->loop, fixture->fd);
    for (int tree = 0; tree < TREES; tree++) {
        snprintf(name, sizeof name, "%d", tree);
        removal_queue_add(queue, name, on_done, context);
    }
    return queue;
}

static void ends_soon_however_much_is_left(void **state)
{
    const struct fixture *fixture = *state;
    struct removal_queue *queue = begin(fixture, NULL, NULL);
    unlinked = 0;
    removal_queue_free(queue);
    assert_in_range(unlinked, 0, 1000000 / unlink_us);
    assert_int_equal(faccessat(fixture->fd, "2", F_OK, 0), 0);
}

static void keeps_other_work_waiting_for_some_milliseconds(void **state)
{
    enum { TURNS = 5, TURN_MS = 100 };
    const struct fixture *fixture = *state;
    struct error error;
    struct removal_queue *queue = begin(fixture, NULL, NULL);
    unlinked = 0;
    for (int turn = 0; turn < TURNS; turn++)
        assert_true(loop_turn(fixture->loop, -1, &error));
    assert_in_range(unlinked, TURNS, 1000L * TURNS * TURN_MS / unlink_us);
    removal_queue_free(queue);
}

static void count(void *context, const struct error *failure)
{
    int *removed = context;
    assert_null(failure);
    ++*removed;
}

static void removes_all_of_it(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    int removed = 0;
    unlink_us = 0;
    struct removal_queue *queue = begin(fixture, count, &removed);
    while (removed < TREES)
        assert_true(loop_turn(fixture->loop, -1, &error));
    assert_int_not_equal(faccessat(fixture->fd, "0", F_OK, 0), 0);
    assert_int_not_equal(faccessat(fixture->fd, "2", F_OK, 0), 0);
    removal_queue_free(queue);
}

int main(void)
{
#define WITH_TREES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_TREES(ends_soon_however_much_is_left),
        WITH_TREES(keeps_other_work_waiting_for_some_milliseconds),
        WITH_TREES(removes_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
