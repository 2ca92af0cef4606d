/*
 * What runnerd makes of starts that leased sent before it heard of other runner files, and of a leased that
 * is silent: the third part of the test of runnerd.
 */
#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "tests/integration/runnerd_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITS "import time\nprint('{\"event\": \"up\"}')\ntime.sleep(600)\n"

static void write_runners(void)
{
    write_runner("waits", WAITS, ", \"max_concurrency\": 2");
    write_runner("removed", "", "");
    write_runner("changed", "", "");
}

static int set_up(void **state)
{
    (void)state;
    return node_set_up(write_runners);
}

/* Has the files read anew; the welcome of the hello that follows expects the tasks of these numbers. */
static void reload(const int *numbers, size_t count)
{
    struct error error;
    size_t hellos = node.hellos;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    for (size_t i = 0; i < count; i++) {
        char key[64];
        snprintf(key, sizeof key, "key-%d", numbers[i]);
        text_list_add(&node.expected, key);
    }
    wait_for_poll();
    node.poll = NULL; /* it is cancelled: what is answered to it would be lost */
    kill(node.runnerd, SIGHUP);
    while (node.hellos == hellos) {
        assert_true(clock_boot_ms() < deadline_ms);
        assert_true(loop_turn(node.loop, 50, &error));
    }
    text_list_clear(&node.expected);
    wait_for_poll();
}

static void remove_file(const char *name)
{
    char *path = memory_format("%s/runners/%s.json", node.folder, name);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void cancel(int number)
{
    int last = node.task_number;
    node.finished = false;
    node.task_number = number;
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    assert_failed("cancelled");
    node.task_number = last;
}

static void a_start_under_way_keeps_to_the_limit_that_it_was_sent_under(void **state)
{
    (void)state;
    start_task("/t/waits", NULL);
    wait_until_told("up");
    int first = node.task_number;
    write_runner("waits", WAITS, ", \"max_concurrency\": 1");
    reload((const int[]){first, first + 1}, 2);
    start_task("/t/waits", NULL);
    wait_until_told("up");
    /* This one leased has no right to send. */
    run_task("/t/waits", NULL);
    assert_failed("this runner host runs as many jobs of the capability as it may already");
    cancel(first + 1);
    cancel(first);
}

static void a_start_under_way_finds_the_runner_that_was_removed(void **state)
{
    (void)state;
    int next = node.task_number + 1;
    remove_file("removed");
    reload(&next, 1);
    run_task("/t/removed", NULL);
    assert_string_equal(node.reason, "");
    assert_true(node.succeeded);
    run_task("/t/removed", NULL);
    assert_failed("this runner host does not have the capability");
    /* Once leased expects none that is not here, it is forgotten. */
    write_file("other", "json", "{\"capability\": \"/t/other\", \"command\": [\"true\"]}");
    reload(NULL, 0);
    next = node.task_number + 1;
    remove_file("other");
    reload(&next, 1);
    run_task("/t/removed", NULL);
    assert_failed("this runner host does not have the capability");
}

static void a_start_under_way_finds_the_runner_that_was_changed_into_one_that_cannot_work(void **state)
{
    (void)state;
    int next = node.task_number + 1;
    write_file("changed", "json", "{\"capability\": \"/t/changed\", \"command\": [\"/no/such/program\"]}");
    reload(&next, 1);
    run_task("/t/changed", NULL);
    assert_string_equal(node.reason, "");
    assert_true(node.succeeded);
    run_task("/t/changed", NULL);
    assert_failed("cannot start /no/such/program: No such file or directory");
}

/* The exit status of `posemesh-runnerd --health`. */
static int ask_health(void)
{
    const char *program = getenv("POSEMESH_RUNNERD");
    char *shell = memory_format("POSEMESH_RUNTIME_DIR=%s '%s' --health >/dev/null 2>&1", node.folder,
                                program ? program : "");
    int status = system(shell); /* NOLINT(cert-env33-c): the program under test */
    free(shell);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_host_is_not_ready_while_leased_is_silent(void **state)
{
    (void)state;
    struct error error;
    wait_for_poll();
    assert_int_equal(ask_health(), 0);
    struct ipc_request *poll = node.poll;
    node.poll = NULL;
    error_set(&error, ERROR_UNAVAILABLE, "too busy");
    ipc_fail(poll, &error);
    wait_for_poll();
    assert_int_equal(ask_health(), 1);
    poll = node.poll;
    node.poll = NULL;
    char none[] = "none";
    ipc_answer(poll, &(struct message_host_command){.action = none});
    wait_for_poll();
    assert_int_equal(ask_health(), 0);
}

int host_offer_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_under_way_keeps_to_the_limit_that_it_was_sent_under),
        cmocka_unit_test(a_start_under_way_finds_the_runner_that_was_removed),
        cmocka_unit_test(a_start_under_way_finds_the_runner_that_was_changed_into_one_that_cannot_work),
        cmocka_unit_test(a_host_is_not_ready_while_leased_is_silent),
    };
    return cmocka_run_group_tests(tests, set_up, node_tear_down);
}
