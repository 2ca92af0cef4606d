#include "libcommon/base/write_signals.h"
#include "libcommon/loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What `script` prints on the descriptor `place`, given the pipe's end there and `others` before it. */
static void run(const char *script, const int *others, size_t place, int folder_fd, char *said, size_t room)
{
    char shell[] = "sh";
    char option[] = "-c";
    char text[256];
    char *arguments[] = {shell, option, text, NULL};
    char variable[] = "NAME=value";
    char *variables[] = {variable, NULL};
    int descriptors[SPAWN_DESCRIPTORS_MAX] = {0};
    int ends[2];
    pid_t pid;
    snprintf(text, sizeof text, "%s", script);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (size_t i = 0; i < place; i++)
        descriptors[i] = others[i];
    descriptors[place] = ends[1];
    const struct spawn spawn = {.path = shell,
                                .search_path = true,
                                .arguments = arguments,
                                .variables = variables,
                                .descriptors = descriptors,
                                .descriptor_count = place + 1,
                                .folder_fd = folder_fd,
                                .new_session = true};
    assert_int_equal(spawn_start(&spawn, &pid), 0);
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(ends[0], said + length, room - 1 - length)) > 0)
        length += (size_t)got;
    said[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void gives_the_descriptors_that_are_named_and_no_others(void **state)
{
    char said[256];
    int kept = fcntl(STDIN_FILENO, F_DUPFD, 30);
    (void)state;
    const int descriptors[] = {SPAWN_NO_INPUT, STDERR_FILENO, STDIN_FILENO, STDOUT_FILENO};
    /* The last is the folder that is listed. */
    run("cat; echo $NAME >&4; exec ls /proc/self/fd >&4", descriptors, 4, -1, said, sizeof said);
    assert_string_equal(said, "value\n0\n1\n2\n3\n4\n5\n");
    close(kept);
}

static void a_descriptor_may_be_numbered_as_another_s_place(void **state)
{
    char said[256];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "told\n", 5), 5);
    close(ends[1]);
    int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_int_equal(dup2(ends[0], STDOUT_FILENO), STDOUT_FILENO);
    const int descriptors[] = {STDOUT_FILENO, STDERR_FILENO, STDERR_FILENO};
    run("cat >&3", descriptors, 3, -1, said, sizeof said);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    close(saved);
    close(ends[0]);
    assert_string_equal(said, "told\n");
}

static void blocks_and_ignores_no_signal(void **state)
{
    char said[256];
    sigset_t all;
    sigset_t before;
    (void)state;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    write_signals_ignore();
    const int descriptors[] = {SPAWN_NO_INPUT};
    run("echo begun; kill -PIPE $$; echo alive", descriptors, 1, -1, said, sizeof said);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    assert_string_equal(said, "begun\n");
}

static void begins_in_the_folder_in_a_session_of_its_own(void **state)
{
    char said[256];
    int folder = open("/usr", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;
    const int descriptors[] = {SPAWN_NO_INPUT};
    run("set -- $(cat /proc/$$/stat); echo $PWD $((${1} - ${6}))", descriptors, 1, folder, said, sizeof said);
    close(folder);
    assert_string_equal(said, "/usr 0\n");
}

static void says_why_nothing_was_started(void **state)
{
    char missing[] = "no-such-program";
    char *arguments[] = {missing, NULL};
    pid_t pid;
    (void)state;
    if (getenv("POSEMESH_VALGRIND")) {
        print_message("# reason: valgrind forks for posix_spawn, which then cannot say what failed\n");
        skip();
    }
    assert_int_equal(spawn_start(&(struct spawn){.path = missing,
                                                 .search_path = true,
                                                 .arguments = arguments,
                                                 .variables = arguments + 1,
                                                 .folder_fd = -1},
                                 &pid),
                     ENOENT);
}

static void says_that_a_descriptor_could_not_be_handed_over(void **state)
{
    char missing[] = "no-such-program";
    char *arguments[] = {missing, NULL};
    const int descriptors[] = {STDOUT_FILENO};
    struct rlimit before;
    pid_t pid;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* The lowest number that it may be copied to has to be below the limit: the reason is another one else.
     */
    int next = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, SPAWN_DESCRIPTORS_MAX);
    struct rlimit full = {(rlim_t)next + 1, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    int code = spawn_start(&(struct spawn){.path = missing,
                                           .search_path = true,
                                           .arguments = arguments,
                                           .variables = arguments + 1,
                                           .descriptors = descriptors,
                                           .descriptor_count = 1,
                                           .folder_fd = -1},
                           &pid);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(next);
    assert_int_equal(code, EMFILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_descriptors_that_are_named_and_no_others),
        cmocka_unit_test(a_descriptor_may_be_numbered_as_another_s_place),
        cmocka_unit_test(blocks_and_ignores_no_signal),
        cmocka_unit_test(begins_in_the_folder_in_a_session_of_its_own),
        cmocka_unit_test(says_why_nothing_was_started),
        cmocka_unit_test(says_that_a_descriptor_could_not_be_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
