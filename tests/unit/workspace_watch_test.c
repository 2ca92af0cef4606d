#include "services/stored/workspace/workspace_watch.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/stored/workspace/tree_measure.h"
#include "tests/unit/temporary_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BLOCK = 4096, LIMIT = 1024 * 1024 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct work_dir work_dir;
    struct workspace workspace;
    struct workspace other;
    struct loop *loop;
    struct workspace_watch *watch;
    struct watched_workspace *watched;
    bool remove_on_overrun;
    int overruns;
    int64_t used_bytes;
};

static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    temporary_folder_make(fixture->folder, "workspace-watch");
    assert_true(work_dir_open(&fixture->work_dir, fixture->folder, &error));
    assert_true(workspace_create(&fixture->workspace, &fixture->work_dir, "one", &error));
    assert_true(workspace_create(&fixture->other, &fixture->work_dir, "two", &error));
    fixture->loop = loop_create(&error);
    fixture->watch = workspace_watch_create(fixture->loop, LIMIT);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    workspace_watch_free(fixture->watch);
    loop_free(fixture->loop);
    workspace_close(&fixture->workspace);
    workspace_close(&fixture->other);
    work_dir_close(&fixture->work_dir);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void write_file(int folder_fd, const char *path, size_t bytes)
{
    char *zeros = memory_allocate(bytes + 1);
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, zeros, bytes), (ssize_t)bytes);
    fsync(fd); /* some file systems give blocks only now */
    close(fd);
    free(zeros);
}

/* --- measuring --- */

/* `faulty` NULL: no fault is expected. */
static int64_t measure(const struct fixture *fixture, int step, const char *faulty)
{
    const int fds[] = {fixture->workspace.fd, fixture->workspace.incoming_fd};
    struct tree_measure *tree = tree_measure_create(fds, 2);
    while (tree_measure_step(tree, step))
        continue;
    int64_t bytes = tree_measure_bytes(tree);
    const char *fault = tree_measure_fault(tree);
    if (!faulty)
        assert_null(fault);
    else if (!fault || !strstr(fault, faulty))
        fail_msg("%s instead of %s", fault ? fault : "no fault", faulty);
    tree_measure_free(tree);
    return bytes;
}

static void counts_files_of_all_folders_however_small_the_steps(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = measure(fixture, 1, NULL);
    write_file(fixture->workspace.fd, "outputs/a", (size_t)10 * BLOCK);
    write_file(fixture->workspace.datasets_fd, "b", (size_t)20 * BLOCK);
    write_file(fixture->workspace.incoming_fd, "1-0", (size_t)40 * BLOCK);
    int64_t after = measure(fixture, 1, NULL);
    assert_in_range(after - before, 70 * BLOCK, 76 * BLOCK);
    assert_int_equal(measure(fixture, 1000, NULL), after);
}

static void counts_what_a_sparse_file_takes_on_the_disk(void **state)
{
    struct fixture *fixture = *state;
    int64_t before = measure(fixture, 10, NULL);
    write_file(fixture->workspace.fd, "outputs/sparse", BLOCK);
    int fd = openat(fixture->workspace.fd, "outputs/sparse", O_WRONLY);
    assert_int_equal(ftruncate(fd, INT64_C(1) << 40), 0);
    close(fd);
    assert_in_range(measure(fixture, 10, NULL) - before, BLOCK, 16 * BLOCK);
}

static void counts_a_file_with_several_names_once(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture->workspace.fd, "outputs/a", (size_t)30 * BLOCK);
    int64_t before = measure(fixture, 10, NULL);
    assert_int_equal(linkat(fixture->workspace.fd, "outputs/a", fixture->workspace.fd, "b", 0), 0);
    assert_int_equal(linkat(fixture->workspace.fd, "outputs/a", fixture->workspace.fd, "c", 0), 0);
    assert_in_range(measure(fixture, 10, NULL) - before + BLOCK, 0, 2 * BLOCK);
}

static void never_follows_links(void **state)
{
    struct fixture *fixture = *state;
    char target[80];
    int64_t before = measure(fixture, 10, NULL);
    snprintf(target, sizeof target, "%s/two", fixture->folder);
    write_file(fixture->other.fd, "outputs/large", (size_t)200 * BLOCK);
    assert_int_equal(symlinkat(target, fixture->workspace.fd, "outputs/folder"), 0);
    assert_int_equal(symlinkat("folder/outputs/large", fixture->workspace.fd, "outputs/file"), 0);
    assert_int_equal(symlinkat("..", fixture->workspace.fd, "outputs/up"), 0);
    assert_int_equal(symlinkat("missing", fixture->workspace.fd, "outputs/nowhere"), 0);
    assert_in_range(measure(fixture, 10, NULL) - before, 0, 8 * BLOCK);
}

static void is_done_with_a_tree_of_any_depth(void **state)
{
    struct fixture *fixture = *state;
    int fd = dup(fixture->workspace.fd);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mkdirat(fd, "deep", 0700), 0);
        int next = openat(fd, "deep", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
        if (i == LIMIT_WORKSPACE_DEPTH - 2)
            write_file(fd, "counted", (size_t)100 * BLOCK);
        if (i == LIMIT_WORKSPACE_DEPTH - 1)
            write_file(fd, "too deep", (size_t)900 * BLOCK);
    }
    close(fd);
    assert_in_range(measure(fixture, 10, "deep: it lies too deep"), 100 * BLOCK, 300 * BLOCK);
}

/* Files of the job's own uid in a folder that it closed to everybody else. */
static void counts_as_far_as_it_can_see(void **state)
{
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        print_message("# reason: needs root, to make files of another user\n");
        skip();
    }
    assert_int_equal(mkdirat(fixture->workspace.fd, "outputs/closed", 0700), 0);
    write_file(fixture->workspace.fd, "outputs/closed/hidden", (size_t)500 * BLOCK);
    write_file(fixture->workspace.fd, "outputs/seen", (size_t)100 * BLOCK);
    assert_int_equal(fchownat(fixture->workspace.fd, "outputs/closed", 12345, 12345, 0), 0);
    assert_int_equal(fchownat(fixture->workspace.fd, "outputs/seen", 12345, 12345, 0), 0);
    assert_int_equal(fchmodat(fixture->workspace.fd, "outputs/seen", 0600, 0), 0);
    assert_int_equal(fchmod(fixture->work_dir.fd, 0755), 0);
    assert_int_equal(fchmod(fixture->workspace.fd, 0755), 0);
    assert_int_equal(fchmodat(fixture->workspace.fd, "outputs", 0755, 0), 0);
    assert_int_equal(fchmod(fixture->workspace.datasets_fd, 0755), 0);
    assert_int_equal(fchmod(fixture->workspace.incoming_fd, 0755), 0);
    assert_int_equal(seteuid(65534), 0);
    int64_t bytes = measure(fixture, 10, "closed: Permission denied");
    assert_int_equal(seteuid(0), 0);
    assert_in_range(bytes, 100 * BLOCK, 200 * BLOCK);
}

static void takes_no_harm_from_what_vanishes_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    const int fds[] = {fixture->workspace.fd, fixture->workspace.incoming_fd};
    char name[32];
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "outputs/%d", i);
        assert_int_equal(mkdirat(fixture->workspace.fd, name, 0700), 0);
    }
    struct tree_measure *tree = tree_measure_create(fds, 2);
    assert_true(tree_measure_step(tree, 20));
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "outputs/%d", i);
        assert_int_equal(unlinkat(fixture->workspace.fd, name, AT_REMOVEDIR), 0);
    }
    assert_int_equal(unlinkat(fixture->workspace.fd, "outputs", AT_REMOVEDIR), 0);
    while (tree_measure_step(tree, 1))
        continue;
    assert_null(tree_measure_fault(tree));
    tree_measure_free(tree);
}

/* --- watching --- */

static const struct log_task no_log = {0};

static void on_overrun(void *context, int64_t used_bytes)
{
    struct fixture *fixture = context;
    fixture->overruns++;
    fixture->used_bytes = used_bytes;
    if (fixture->remove_on_overrun) {
        workspace_watch_remove(fixture->watched);
        fixture->watched = NULL;
    }
}

static void on_other_overrun(void *context, int64_t used_bytes)
{
    (void)context;
    fail_msg("the other workspace has %lld bytes", (long long)used_bytes);
}

static void watch_both(struct fixture *fixture)
{
    fixture->watched =
        workspace_watch_add(fixture->watch, &fixture->workspace, &no_log, 0, on_overrun, fixture);
    workspace_watch_add(fixture->watch, &fixture->other, &no_log, 0, on_other_overrun, fixture);
}

/* Plays the timer. */
static int64_t run_until(struct fixture *fixture, int64_t now_ms, int64_t end_ms)
{
    while (now_ms < end_ms) {
        int64_t wait_ms = workspace_watch_turn(fixture->watch, now_ms);
        if (wait_ms < 0)
            return end_ms;
        now_ms += wait_ms > 0 ? wait_ms : 1;
    }
    return now_ms;
}

static void tells_of_the_one_that_holds_too_much_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    watch_both(fixture);
    int64_t now_ms = run_until(fixture, 0, 20000);
    assert_int_equal(fixture->overruns, 0);
    write_file(fixture->workspace.fd, "outputs/large", (size_t)LIMIT + BLOCK);
    now_ms = run_until(fixture, now_ms, now_ms + 5000);
    assert_in_range(fixture->overruns, 1, 3);
    assert_in_range(fixture->used_bytes, LIMIT + BLOCK, LIMIT + 40 * BLOCK);
    now_ms = run_until(fixture, now_ms, now_ms + 20000);
    assert_in_range(fixture->overruns, 8, 13);
    workspace_watch_remove(fixture->watched);
    int overruns = fixture->overruns;
    run_until(fixture, now_ms, now_ms + 20000);
    assert_int_equal(fixture->overruns, overruns);
}

static void may_lose_a_workspace_while_it_tells_of_it(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture->workspace.incoming_fd, "1-0", (size_t)2 * LIMIT);
    fixture->remove_on_overrun = true;
    watch_both(fixture);
    run_until(fixture, 0, 30000);
    assert_int_equal(fixture->overruns, 1);
}

/* What a walk sees once may be a file that moved while it looked: see tree_measure.c. */
static void believes_only_what_it_has_seen_twice(void **state)
{
    struct fixture *fixture = *state;
    int64_t now_ms = 2000;
    write_file(fixture->workspace.fd, "outputs/large", (size_t)2 * LIMIT);
    fixture->watched =
        workspace_watch_add(fixture->watch, &fixture->workspace, &no_log, 0, on_overrun, fixture);
    workspace_watch_turn(fixture->watch, now_ms);
    assert_int_equal(fixture->overruns, 0);
    assert_int_equal(unlinkat(fixture->workspace.fd, "outputs/large", 0), 0);
    run_until(fixture, now_ms, now_ms + 10000);
    assert_int_equal(fixture->overruns, 0);
}

/* A large tree takes many turns, between which there are pauses; a small one does not wait for its end. */
static void a_large_tree_neither_hurries_nor_holds_up_a_small_one(void **state)
{
    struct fixture *fixture = *state;
    char name[32];
    int64_t now_ms = 2000;
    int turns = 0;
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "outputs/%d", i);
        assert_int_equal(mknodat(fixture->other.fd, name, S_IFREG | 0600, 0), 0);
    }
    write_file(fixture->workspace.fd, "outputs/large", (size_t)2 * LIMIT);
    watch_both(fixture);
    while (!fixture->overruns && turns < 10) {
        int64_t wait_ms = workspace_watch_turn(fixture->watch, now_ms);
        assert_true(wait_ms >= 0);
        now_ms += wait_ms;
        turns++;
    }
    assert_int_equal(fixture->overruns, 1);
    int64_t wait_ms = workspace_watch_turn(fixture->watch, now_ms);
    assert_true(wait_ms > 0); /* 200 entries take more than 10 us, and a hundred times that is paused */
}

static void without_a_limit_nothing_is_watched(void **state)
{
    struct fixture *fixture = *state;
    struct workspace_watch *watch = workspace_watch_create(fixture->loop, 0);
    assert_null(workspace_watch_add(watch, &fixture->workspace, &no_log, 0, on_overrun, fixture));
    assert_int_equal(workspace_watch_turn(watch, 100000), -1);
    workspace_watch_remove(NULL);
    workspace_watch_free(watch);
    workspace_watch_free(NULL);
}

#define WATCH_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCH_TEST(counts_files_of_all_folders_however_small_the_steps),
        WATCH_TEST(counts_what_a_sparse_file_takes_on_the_disk),
        WATCH_TEST(counts_a_file_with_several_names_once),
        WATCH_TEST(never_follows_links),
        WATCH_TEST(is_done_with_a_tree_of_any_depth),
        WATCH_TEST(counts_as_far_as_it_can_see),
        WATCH_TEST(takes_no_harm_from_what_vanishes_meanwhile),
        WATCH_TEST(tells_of_the_one_that_holds_too_much_again_and_again),
        WATCH_TEST(may_lose_a_workspace_while_it_tells_of_it),
        WATCH_TEST(believes_only_what_it_has_seen_twice),
        WATCH_TEST(a_large_tree_neither_hurries_nor_holds_up_a_small_one),
        WATCH_TEST(without_a_limit_nothing_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
