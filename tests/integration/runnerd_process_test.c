/* What a job's processes are given, and what of them is waited for: the second part of the test of runnerd.
 */
#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "tests/integration/runnerd_node.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Hands its stdout and stderr to whoever listens outside, and has last words. */
#define LENDER                                                                                               \
    "import os, socket\n"                                                                                    \
    "outside = socket.socket(socket.AF_UNIX)\n"                                                              \
    "outside.connect(os.environ['HOME'] + '/../../outside')\n"                                               \
    "socket.send_fds(outside, [b'x'], [1, 2])\n"

static void write_runners(void)
{
    write_runner("lender", LENDER "for i in range(600): print('{\"event\": \"%d.\"}' % i)\n", "");
    write_runner("deaf",
                 "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                 "print('{\"event\": \"up\"}')\ntime.sleep(600)\n",
                 "");
    write_runner("tells",
                 "import json, os, resource as r, stat, tempfile\n"
                 "tell = lambda x: print(json.dumps({'event': x}))\n"
                 "for name in sorted(os.environ): tell(name + '=' + os.environ[name])\n"
                 "tell('names=' + ','.join(sorted(os.environ)))\n"
                 "for name in ('NOFILE', 'NPROC', 'FSIZE', 'AS', 'STACK', 'MEMLOCK', 'CORE'):\n"
                 "    tell('%s=%d,%d' % (name, *r.getrlimit(getattr(r, 'RLIMIT_' + name))))\n"
                 "score = lambda pid: open('/proc/%s/oom_score_adj' % pid).read().strip()\n"
                 "tell('oom=' + score('self') + ',' + score(os.getppid()))\n"
                 "with tempfile.NamedTemporaryFile() as file: tell('temporary=' + file.name)\n"
                 "open(os.environ['TMPDIR'] + '/left', 'w').write('x')\n",
                 ", \"env\": {\"LANG\": \"xx\"}");
    write_file("broken", "sh", "#!/no/such/shell\n");
    write_file("broken", "json", "{\"capability\": \"/t/broken\", \"command\": [\"./broken.sh\"]}");
    write_file("folder", "json", "{\"capability\": \"/t/folder\", \"command\": [\"../runners\"]}");
    write_runner("writes", "import os; open(os.environ['POSEMESH_OUTPUTS_DIR'] + '/a.txt', 'w').write('x')\n",
                 "");
    write_runner("doomed", LENDER "print('{\"event\": \"lent\"}')\nos.kill(os.getppid(), 9)\n", "");
}

static int set_up(void **state)
{
    (void)state;
    return node_set_up(write_runners);
}

/* --- a process outside --- */

/* Where jobs find somebody to hand descriptors to. What nobody accepts stays in the queue, open. */
static int listen_outside(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/outside", node.folder);
    unlink(address.sun_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static int accept_descriptor(int listener)
{
    char byte;
    char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int peer = accept(listener, NULL, NULL);
    if (peer < 0 || recvmsg(peer, &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
        return -1;
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

/* Takes a job's stdout and writes to it for as long as somebody has its other end: SIGPIPE ends it then. */
static pid_t start_writer(int listener)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    signal(SIGPIPE, SIG_DFL);
    int fd = accept_descriptor(listener);
    while (fd >= 0 && write(fd, "foreign words\n", 14) > 0)
        continue;
    _exit(EXIT_FAILURE);
}

/* --- tests --- */

static void a_descriptor_that_is_kept_outside_does_not_keep_a_job(void **state)
{
    (void)state;
    int listener = listen_outside();
    run_task("/t/lender", NULL);
    assert_true(node.succeeded);
    assert_true(told("\"0.\""));
    assert_true(told("\"599.\""));
    run_task("/t/doomed", NULL);
    assert_failed("the process that watches over the job was killed");
    assert_true(told("lent"));
    close(listener);
}

static void whoever_writes_on_from_outside_is_cut_off(void **state)
{
    (void)state;
    int status;
    int listener = listen_outside();
    pid_t writer = start_writer(listener);
    run_task("/t/lender", NULL);
    assert_true(node.succeeded);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
    close(listener);
}

/* The end of what leased has no room for is waited for, and lost by nobody. */
static void last_words_wait_until_there_is_room_for_them(void **state)
{
    (void)state;
    int listener = listen_outside();
    node.refuse_events = 2;
    run_task("/t/lender", NULL);
    assert_true(node.succeeded);
    assert_true(told("\"599.\""));
    close(listener);
}

/* The usual grace is 5 s. */
static void a_cancel_may_shorten_the_grace(void **state)
{
    (void)state;
    start_task("/t/deaf", NULL);
    wait_until_told("up");
    int64_t begun_ms = clock_boot_ms();
    node.grace_ms = 100;
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    assert_failed("cancelled");
    assert_in_range(clock_boot_ms() - begun_ms, 100, 4000);
}

/* The second comes at once: the shim may not have taken the first. */
static void a_second_cancel_may_shorten_the_grace_of_the_first(void **state)
{
    (void)state;
    start_task("/t/deaf", NULL);
    wait_until_told("up");
    int64_t begun_ms = clock_boot_ms();
    node.grace_ms = 0;
    command("cancel", NULL, NULL);
    node.grace_ms = 1;
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    node.grace_ms = 0;
    assert_failed("cancelled");
    assert_in_range(clock_boot_ms() - begun_ms, 1, 4000);
}

static void without_a_word_of_it_the_grace_is_5_s(void **state)
{
    (void)state;
    start_task("/t/deaf", NULL);
    wait_until_told("up");
    int64_t begun_ms = clock_boot_ms();
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    assert_failed("cancelled");
    assert_in_range(clock_boot_ms() - begun_ms, 5000, WAIT_MS);
}

/* However many there are, leased learns of each what became of it. */
static void a_start_beyond_all_limits_is_answered(void **state)
{
    enum { JOBS_MAX = 512 };
    (void)state;
    struct error error;
    size_t before = node.finishes;
    node.holds_finishes = true;
    for (size_t i = 0; i < JOBS_MAX; i++)
        start_task("/t/no-such-capability", NULL);
    start_task("/t/deaf", NULL);
    wait_for_poll();
    node.holds_finishes = false;
    int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
    while (node.finishes < before + JOBS_MAX + 1) {
        assert_true(clock_boot_ms() < deadline_ms);
        assert_true(loop_turn(node.loop, 50, &error));
    }
    assert_string_equal(node.last_reason, "this runner host has as many jobs as it may already");
}

static void a_job_s_environment_is_the_documented_list(void **state)
{
    (void)state;
    char buffer[4096];
    struct passwd entry;
    struct passwd *user = NULL;
    assert_int_equal(getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &user), 0);
    assert_non_null(user);
    run_task("/t/tells", NULL);
    assert_true(node.succeeded);
    char *expected[] = {
        memory_format("\"HOME=%s\"", node.workspace),
        memory_format("\"TMPDIR=%s/.posemesh/tmp\"", node.workspace),
        memory_format("\"temporary=%s/.posemesh/tmp/", node.workspace),
        memory_format("\"USER=%s\"", user->pw_name),
        memory_format("\"LOGNAME=%s\"", user->pw_name),
        memory_copy_text("\"PATH=/usr/local/bin:/usr/bin:/bin\""),
        memory_copy_text("\"LANG=xx\""),
        memory_copy_text("\"LC_ALL=C.UTF-8\""),
        memory_copy_text("\"TZ=UTC\""),
        memory_copy_text("\"names=HOME,LANG,LC_ALL,LOGNAME,PATH,POSEMESH_CAPABILITY,POSEMESH_DOMAIN_ID,"
                         "POSEMESH_INPUTS_FILE,POSEMESH_JOB_ID,POSEMESH_OUTPUTS_DIR,POSEMESH_TASK_FILE,"
                         "POSEMESH_TASK_ID,POSEMESH_TASK_KEY,TMPDIR,TZ,USER\""),
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (!told(expected[i]))
            fail_msg("%s is not in\n%s", expected[i], node.told);
        free(expected[i]);
    }
    assert_workspace_is_clean();
}

static void assert_limit(const char *name, int resource)
{
    struct rlimit limit;
    assert_int_equal(getrlimit((__rlimit_resource_t)resource, &limit), 0);
    char *expected =
        memory_format("\"%s=%lld,%lld\"", name, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    if (!told(expected))
        fail_msg("%s is not in\n%s", expected, node.told);
    free(expected);
}

static void a_job_has_the_limits_that_the_node_was_started_with(void **state)
{
    (void)state;
    run_task("/t/tells", NULL);
    assert_true(node.succeeded);
    assert_limit("NOFILE", RLIMIT_NOFILE);
    assert_limit("NPROC", RLIMIT_NPROC);
    assert_limit("FSIZE", RLIMIT_FSIZE);
    assert_limit("AS", RLIMIT_AS);
    assert_limit("STACK", RLIMIT_STACK);
    assert_limit("MEMLOCK", RLIMIT_MEMLOCK);
    assert_true(told("\"CORE=0,0\""));
}

/* The second is what watches over it. */
static void a_job_is_killed_for_memory_before_the_node(void **state)
{
    (void)state;
    char own[16] = "";
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    assert_non_null(file);
    bool there = fgets(own, sizeof own, file) != NULL;
    fclose(file);
    assert_true(there);
    char *expected = memory_format("\"oom=500,%ld\"", strtol(own, NULL, 10));
    run_task("/t/tells", NULL);
    assert_true(told(expected));
    free(expected);
}

static void assert_cannot_start(const char *capability, const char *program, const char *fault)
{
    char *reason = memory_format("cannot start %s/%s: %s", node.folder, program, fault);
    run_task(capability, NULL);
    assert_failed(reason);
    free(reason);
}

static void a_program_that_cannot_be_started_names_the_reason(void **state)
{
    (void)state;
    char *script = memory_format("%s/runners/broken.sh", node.folder);
    assert_cannot_start("/t/broken", "runners/broken.sh", "it is not executable for this user");
    assert_int_equal(chmod(script, 0755), 0);
    free(script);
    assert_cannot_start("/t/broken", "runners/broken.sh", "its interpreter /no/such/shell is missing");
    assert_cannot_start("/t/folder", "runners", "it is a folder");
}

static void a_transfer_that_stored_has_no_room_for_is_asked_for_again(void **state)
{
    (void)state;
    node.refuse_transfers = 3;
    run_task("/t/writes", "cid-1");
    assert_string_equal(node.reason, "");
    assert_int_equal(node.refuse_transfers, 0);
    node.refuse_transfers = 0;
    start_task("/t/writes", NULL);
    node.refuse_transfers = 3;
    wait_until(&node.finished);
    assert_string_equal(node.reason, "");
    assert_int_equal(node.refuse_transfers, 0);
    assert_non_null(strstr(node.stored, "a.txt"));
}

static void a_cancel_ends_what_is_asked_for_again(void **state)
{
    (void)state;
    node.refuse_transfers = INT_MAX;
    start_task("/t/writes", "cid-1");
    struct error error;
    while (node.refuse_transfers > INT_MAX - 3)
        assert_true(loop_turn(node.loop, 50, &error));
    command("cancel", NULL, NULL);
    wait_until(&node.finished);
    assert_failed("cancelled");
    node.refuse_transfers = 0;
}

int job_process_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_that_is_kept_outside_does_not_keep_a_job),
        cmocka_unit_test(whoever_writes_on_from_outside_is_cut_off),
        cmocka_unit_test(last_words_wait_until_there_is_room_for_them),
        cmocka_unit_test(a_cancel_may_shorten_the_grace),
        cmocka_unit_test(a_second_cancel_may_shorten_the_grace_of_the_first),
        cmocka_unit_test(without_a_word_of_it_the_grace_is_5_s),
        cmocka_unit_test(a_start_beyond_all_limits_is_answered),
        cmocka_unit_test(a_job_s_environment_is_the_documented_list),
        cmocka_unit_test(a_job_has_the_limits_that_the_node_was_started_with),
        cmocka_unit_test(a_job_is_killed_for_memory_before_the_node),
        cmocka_unit_test(a_program_that_cannot_be_started_names_the_reason),
        cmocka_unit_test(a_transfer_that_stored_has_no_room_for_is_asked_for_again),
        cmocka_unit_test(a_cancel_ends_what_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, set_up, node_tear_down);
}
