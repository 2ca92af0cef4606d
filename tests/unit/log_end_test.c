/* What becomes of lines that cannot be written, and of those that wait when the process ends or dies. The log
 * starts its thread once, so each test is a process of its own. */
#include "libcommon/base/fatal.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/log.h"
#include "libcommon/base/standard_error.h"
#include "libcommon/base/write_signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUT_BYTES = 1 << 20, LINES = 12, PADDING = 1000 };

static char out[OUT_BYTES];

/* How long the log was ready to wait for nothing, when `away` says that nothing will come. */
static bool away;
static int64_t asked_ms;

typedef int wait_function(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): glibc's are reserved names */
int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *until)
{
    struct timespec now;
    if (!away)
        return ((wait_function *)dlsym(RTLD_NEXT, "pthread_cond_clockwait"))(condition, mutex, clock, until);
    clock_gettime(clock, &now);
    asked_ms += (until->tv_sec - now.tv_sec) * 1000 + (until->tv_nsec - now.tv_nsec) / 1000000;
    return ETIMEDOUT;
}

/* Runs `act` in a process whose stderr is `fd`. Returns its status. */
static int run_with_stderr(int fd, void act(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error error;
        dup2(fd, STDERR_FILENO);
        write_signals_ignore();
        log_configure("test", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
        log_info("no thread yet");
        if (log_start_writer(&error))
            act();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void read_out(int fd)
{
    ssize_t length = read(fd, out, sizeof out - 1);
    out[length > 0 ? length : 0] = '\0';
}

static void die(void)
{
    signal(SIGABRT, SIG_DFL);
    for (int i = 0; i < LINES; i++)
        log_error("why %d", i);
    fatal_stop("the end of %s", "it");
}

static void what_waits_is_said_before_the_last_words(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    int status = run_with_stderr(ends[1], die);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    close(ends[1]);
    read_out(ends[0]);
    close(ends[0]);
    const char *at = out;
    for (int i = 0; i < LINES; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "why %d\n", i);
        at = strstr(at, expected);
        assert_non_null(at);
    }
    assert_string_equal(strchr(at, '\n'), "\nthe end of it\n");
}

static void end_while_nobody_reads(void)
{
    for (int i = 0; i < 200; i++)
        log_info("%*s", PADDING, ".");
    away = true;
    log_finish();
    _exit(asked_ms <= 100 ? 0 : 1);
}

static void who_nobody_reads_ends_after_a_tenth_of_a_second(void **state)
{
    int ends[2];
    char filling[LIMIT_LOG_LINE_BYTES];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    memset(filling, '\n', sizeof filling);
    while (write(ends[1], filling, sizeof filling) > 0)
        continue;
    assert_int_equal(run_with_stderr(ends[1], end_while_nobody_reads), 0);
    close(ends[0]);
    close(ends[1]);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A log of a few lines, the last of them cut up, and one after the limit is gone. */
static void break_off(void)
{
    limit_files(5500);
    for (int i = 0; i < LINES; i++)
        log_info("line %d %*s", i, PADDING, ".");
    log_finish();
    limit_files(RLIM_INFINITY);
    log_info("room again");
    log_info("and more");
    log_finish();
}

/* Lines of the file; how many of them are `text`. */
static long count_lines(const char *text)
{
    long count = 0;
    for (const char *at = out; *at; at = strchr(at, '\n') + 1)
        count += strncmp(at + strcspn(at, "Z"), text, strlen(text)) == 0;
    return count;
}

static void a_line_that_breaks_off_takes_no_other_with_it_and_is_counted(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(run_with_stderr(fileno(file), break_off), 0);
    rewind(file);
    read_out(fileno(file));
    fclose(file);
    assert_int_equal(count_lines("Z info  test     no thread yet\n"), 1);
    assert_int_equal(count_lines("Z info  test     room again\n"), 1);
    assert_int_equal(count_lines("Z info  test     and more\n"), 1);
    /* "no thread yet", five whole ones, and a fragment. */
    assert_int_equal(count_lines("Z info  test     line "), 6);
    char *notice = strstr(out, "7 lines of the log were dropped: they could not be written in time\n");
    assert_non_null(notice);
}

static void a_broken_line_is_ended_without_a_thread_too(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    static const char lines[] = "one\ntwo\nthree\n";
    assert_non_null(file);
    signal(SIGXFSZ, SIG_IGN);
    dup2(fileno(file), STDERR_FILENO);
    limit_files(10);
    size_t whole = standard_error_write(lines, strlen(lines));
    size_t none = standard_error_write_soon(lines, strlen(lines));
    limit_files(RLIM_INFINITY);
    size_t all = standard_error_write_soon(lines, strlen(lines));
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    read_out(fileno(file));
    fclose(file);
    assert_int_equal(whole, 8);
    assert_int_equal(none, 0);
    assert_int_equal(all, strlen(lines));
    assert_string_equal(out, "one\ntwo\nth\none\ntwo\nthree\n");
}

/* Nobody is there any more: EPIPE, EIO. Then somebody is. Lines are counted once their write was given up. */
static void say_to_nobody(void)
{
    int ends[2];
    for (int i = 0; i < LINES; i++)
        log_info("to nobody");
    log_finish();
    if (pipe2(ends, O_CLOEXEC) != 0)
        _exit(2);
    dup2(ends[1], STDERR_FILENO);
    log_info("somebody");
    log_finish();
    read_out(ends[0]);
    _exit(strstr(out, " 13 lines of the log") ? 0 : 3);
}

static void what_has_no_reader_any_more_is_counted(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[0]);
    assert_int_equal(run_with_stderr(ends[1], say_to_nobody), 0);
    close(ends[1]);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    assert_int_equal(run_with_stderr(ends[1], say_to_nobody), 0);
    close(ends[1]);
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    close(master);
    assert_int_equal(run_with_stderr(terminal, say_to_nobody), 0);
    close(terminal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_said_before_the_last_words),
        cmocka_unit_test(who_nobody_reads_ends_after_a_tenth_of_a_second),
        cmocka_unit_test(a_line_that_breaks_off_takes_no_other_with_it_and_is_counted),
        cmocka_unit_test(a_broken_line_is_ended_without_a_thread_too),
        cmocka_unit_test(what_has_no_reader_any_more_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
