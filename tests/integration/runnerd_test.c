/*
 * posemesh-runnerd against a leased and a stored that this test plays: what jobs tell, how they end, and that
 * nothing of them survives. The program is named by POSEMESH_RUNNERD.
 */
#include "libcommon/base/clock.h"
#include "tests/integration/runnerd_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- set-up --- */

#define DAEMON                                                                                               \
    "import os, sys, time, json, subprocess\n"                                                               \
    "code = 'import os,signal,sys,time\\n'\\\n"                                                              \
    "  'signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n'\\\n"                                               \
    "  'if os.fork(): os._exit(0)\\n'\\\n"                                                                   \
    "  'os.setsid()\\n'\\\n"                                                                                 \
    "  'if os.fork(): os._exit(0)\\n'\\\n"                                                                   \
    "  'os.chdir(\"/\")\\n'\\\n"                                                                             \
    "  'print(\"{\\\\\"event\\\\\": \\\\\"daemon=%d\\\\\"}\" % os.getpid(), flush=True)\\n'\\\n"             \
    "  'time.sleep(600)\\n'\n"                                                                               \
    "subprocess.run([sys.executable, '-c', code], env={})\n"                                                 \
    "time.sleep(0.5)\n"

static void write_runners(void)
{
    write_runner(
        "good",
        "import os, json\n"
        "w = os.getcwd()\n"
        "assert os.environ['HOME'] == w\n"
        "assert 'POSEMESH_RUNTIME_DIR' not in os.environ and 'SECRET_X' not in os.environ\n"
        "assert os.environ['EXTRA'] == 'a=b'\n"
        "assert sorted(os.listdir('/proc/self/fd'))[:3] == ['0', '1', '2']\n"
        "assert len(os.listdir('/proc/self/fd')) == 4\n" /* the fourth lists the folder */
        "task = open(os.environ['POSEMESH_TASK_FILE']).read()\n"
        "print(json.dumps({'event': {'task': task}}))\n"
        "inputs = json.load(open(os.environ['POSEMESH_INPUTS_FILE']))\n"
        "print(json.dumps({'event': inputs[0]['path'] + inputs[0]['data_id'] + inputs[0]['cid']}))\n"
        "print('{\"progress\": {\"big\": 123456789012345678901}}')\n"
        "print('garbage \\x00\\x01 {'); print('{\"level\": \"error\", \"message\": \"oh\"}')\n"
        "print('{}'); print('[1'); print('{\"event\": 1, \"event\": 2}')\n"
        "os.write(1, b'\\xff\\xfe\\n')\n"
        "print('{\"event\": \"' + 'x' * 1000000 + '\"}')\n"
        "print('y' * 300000)\n"
        "o = os.environ['POSEMESH_OUTPUTS_DIR']\n"
        "os.makedirs(o + '/b/c')\n"
        "open(o + '/b/c/d.txt', 'w').write('deep'); open(o + '/a.json', 'w').write('top')\n"
        "os.symlink('/etc/passwd', o + '/link'); os.mkfifo(o + '/fifo')\n"
        "open('outputs.json', 'w').write('{\"a.json\": {\"name\": \"N\", \"data_type\": \"T\", \"id\": "
        "\"I\"}}')\n"
        "os.makedirs('junk/locked'); open('junk/locked/f', 'w').close(); os.chmod('junk/locked', 0o500)\n"
        "print('{\"event\": \"last\"}', end='')\n",
        ", \"env\": {\"EXTRA\": \"a=b\"}");
    write_runner("exit3", "import sys; sys.exit(3)\n", "");
    write_runner("crash", "import os; os.kill(os.getpid(), 11)\n", "");
    write_runner("reason",
                 "open('fail_reason.txt', 'w').write('  the scan\\nis empty \\n'); raise SystemExit(1)\n",
                 "");
    write_runner("slow",
                 "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('{\"event\": "
                 "\"up\"}')\ntime.sleep(600)\n",
                 ", \"timeout_secs\": 1");
    write_runner("daemon", DAEMON "time.sleep(600)\n", "");
    write_runner("leaver", DAEMON, "");
    write_runner("killer", DAEMON "os.kill(os.getppid(), 9)\ntime.sleep(600)\n", "");
    write_runner("refused",
                 "import os; open(os.environ['POSEMESH_OUTPUTS_DIR'] + '/refused.txt', 'w').close()\n", "");
    write_runner("flood", "for i in range(3000): print('{\"event\": %d}' % i)\n", "");
    write_file("missing", "json", "{\"capability\": \"/t/missing\", \"command\": [\"no-such-program\"]}");
    write_file("zz", "json", "{\"capability\": 5, \"command\": []}");
}

static int set_up(void **state)
{
    (void)state;
    return node_set_up(write_runners);
}

/* --- tests --- */

static void a_good_job_reports_and_stores_all_it_made(void **state)
{
    (void)state;
    run_task("/t/good", "cid-1");
    assert_string_equal(node.reason, "");
    assert_true(node.succeeded);
    assert_true(told("{\"task\": \"{\\\"meta\\\": {\\\"big\\\": 123456789012345678901}}\"}"));
    assert_true(told("\"datasets/x/x.plyid-1cid-1\""));
    assert_true(told("{\"big\": 123456789012345678901}"));
    assert_true(told("\"last\""));
    assert_string_equal(node.stored, "a.json|N|T|I|top\nb/c/d.txt||||deep\n");
    assert_workspace_is_clean();
}

static void a_failed_job_says_why(void **state)
{
    (void)state;
    run_task("/t/exit3", NULL);
    assert_failed("exit status 3");
    assert_true(node.ran_ms >= 1);
    run_task("/t/crash", NULL);
    assert_failed("killed by signal 11 (SIGSEGV)");
    run_task("/t/reason", NULL);
    assert_failed("the scan is empty");
    run_task("/t/missing", NULL);
    assert_failed("cannot start no-such-program: No such file or directory");
    run_task("/t/good", "missing");
    assert_failed("input missing: no such data (not_found)");
    assert_int_equal(node.ran_ms, 0); /* nothing ran */
    run_task("/t/refused", NULL);
    assert_failed("output refused.txt: not yours (forbidden)");
    run_task("/t/zz", NULL);
    assert_failed("this runner host does not have the capability");
    assert_workspace_is_clean();
}

static void a_job_that_ignores_its_timeout_is_killed(void **state)
{
    (void)state;
    run_task("/t/slow", NULL);
    assert_failed("timed out after 1 s");
    assert_true(node.ran_ms >= 1000);
}

static void a_cancelled_job_leaves_no_daemon_behind(void **state)
{
    (void)state;
    start_task("/t/daemon", NULL);
    wait_until_told("daemon=");
    assert_true(lives("daemon="));
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    assert_failed("cancelled");
    assert_false(lives("daemon="));
}

static void a_finished_job_leaves_no_daemon_behind(void **state)
{
    (void)state;
    run_task("/t/leaver", NULL);
    assert_true(node.succeeded);
    assert_false(lives("daemon="));
}

static void a_job_that_kills_its_shim_does_not_get_away(void **state)
{
    (void)state;
    run_task("/t/killer", NULL);
    assert_failed("the process that watches over the job was killed");
    assert_false(lives("daemon="));
}

static void no_event_is_lost_when_leased_has_no_room(void **state)
{
    (void)state;
    node.refuse_events = 2;
    run_task("/t/flood", NULL);
    assert_true(node.succeeded);
    const char *line = node.told;
    for (long i = 0; i < 3000; i++) {
        char *end;
        assert_int_equal(strtol(line, &end, 10), i);
        line = end + 1;
    }
}

static void a_second_job_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    start_task("/t/daemon", NULL);
    wait_until_told("daemon=");
    run_task("/t/daemon", NULL);
    assert_failed("this runner host runs as many jobs of the capability as it may already");
    node.finished = false;
    node.task_number--;
    command("cancel", NULL, NULL);
    node.task_number++;
    wait_until(&node.finished);
    assert_failed("cancelled");
}

static void a_noop_job_goes_the_way_of_the_contract(void **state)
{
    (void)state;
    run_task("/reconstruction/local-refinement/v1", "cid-1");
    assert_true(node.succeeded);
    assert_string_equal(node.told, "{\"event\":\"materialize_input\",\"cid\":\"cid-1\",\"dataId\":\"id-1\","
                                   "\"dataType\":\"ply\",\"name\":\"x\",\"domainId\":\"d\"}\n"
                                   "{\"stage\":\"inputs_materialized\",\"inputsCount\":1}\n"
                                   "{\"stage\":\"completed\"}\n");
    assert_non_null(strstr(node.stored, "refined/global/RefinedPointCloudReduced.ply||||ply\nformat"));
    assert_non_null(strstr(node.stored, "scan_data_summary.json"));
    assert_workspace_is_clean();
}

static void a_leased_that_forgot_the_host_hears_from_it_again_and_ends_its_jobs(void **state)
{
    (void)state;
    start_task("/t/daemon", NULL);
    wait_until_told("daemon=");
    wait_for_poll();
    struct error error;
    struct ipc_request *poll = node.poll;
    node.poll = NULL;
    node.sequence = 0;
    error_set(&error, ERROR_NOT_FOUND, "who are you?");
    size_t hellos = node.hellos;
    ipc_fail(poll, &error);
    wait_until(&node.finished);
    assert_failed("the node does not know the task any more");
    assert_int_equal(node.hellos, hellos + 1);
}

static void a_stopped_host_takes_its_jobs_with_it(void **state)
{
    (void)state;
    start_task("/t/daemon", NULL);
    wait_until_told("daemon=");
    int64_t begun_ms = clock_boot_ms();
    kill(node.runnerd, SIGTERM);
    wait_until(&node.finished);
    assert_failed("runner host stopped");
    int status;
    assert_int_equal(waitpid(node.runnerd, &status, 0), node.runnerd);
    node.exited = true;
    assert_true(clock_boot_ms() - begun_ms < 2500);
    assert_int_equal(status, 0);
    assert_false(lives("daemon="));
}

static void a_killed_host_takes_its_jobs_with_it(void **state)
{
    (void)state;
    node.poll = NULL;
    node.hello = false;
    node.sequence = 0;
    assert_true(node.exited);
    start_runnerd();
    node.exited = false;
    start_task("/t/daemon", NULL);
    wait_until_told("daemon=");
    kill(node.runnerd, SIGKILL);
    waitpid(node.runnerd, NULL, 0);
    node.exited = true;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    while (lives("daemon=")) {
        assert_true(clock_boot_ms() < deadline_ms);
        usleep(10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_job_reports_and_stores_all_it_made),
        cmocka_unit_test(a_failed_job_says_why),
        cmocka_unit_test(a_job_that_ignores_its_timeout_is_killed),
        cmocka_unit_test(a_cancelled_job_leaves_no_daemon_behind),
        cmocka_unit_test(a_finished_job_leaves_no_daemon_behind),
        cmocka_unit_test(a_job_that_kills_its_shim_does_not_get_away),
        cmocka_unit_test(no_event_is_lost_when_leased_has_no_room),
        cmocka_unit_test(a_second_job_beyond_the_limit_is_refused),
        cmocka_unit_test(a_noop_job_goes_the_way_of_the_contract),
        cmocka_unit_test(a_leased_that_forgot_the_host_hears_from_it_again_and_ends_its_jobs),
        cmocka_unit_test(a_stopped_host_takes_its_jobs_with_it),
        cmocka_unit_test(a_killed_host_takes_its_jobs_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, node_tear_down) + job_process_tests() + host_offer_tests();
}
