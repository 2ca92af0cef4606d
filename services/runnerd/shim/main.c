/* posemesh-job-shim, which job_shim.h describes. It needs the C library alone. */
#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/usage.h"
#include "libcommon/loop/spawn.h"
#include "services/runnerd/shim/job_shim.h"
#include "services/runnerd/shim/oom_score.h"
#include "services/runnerd/shim/process_tree.h"
#include "services/runnerd/shim/start_fault.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ARGUMENT_PARENT = 1,
    ARGUMENT_COMMAND,
    KILL_ROUND_MS = 10, /* between two looks for what was forked meanwhile */
    LOOK_MS = 1000
};

struct shim {
    pid_t main_pid; /* 0 once it is gone */
    bool alone;     /* nothing below this process is left */
    bool killing;
    int64_t deadline_ms; /* 0: not stopping */
    struct job_shim_outcome outcome;
};

/* The job's environment, with the prefix cut off; what has no prefix is the shim's own. */
static char **job_environment(void)
{
    size_t prefix = strlen(JOB_SHIM_VARIABLE_PREFIX);
    size_t total = 0;
    size_t count = 0;
    while (environ[total])
        total++;
    char **variables = memory_allocate_array(total + 1, sizeof *variables);
    for (size_t i = 0; i < total; i++)
        if (strncmp(environ[i], JOB_SHIM_VARIABLE_PREFIX, prefix) == 0)
            variables[count++] = environ[i] + prefix;
    return variables;
}

static int spawn_command(char **command, char **variables, pid_t *pid)
{
    static const int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    /* Whatever a job needs, it dies before the node, and before what watches over it. */
    int score = oom_score_raise();
    int code = spawn_start(&(struct spawn){.path = command[0],
                                           .search_path = true,
                                           .arguments = command,
                                           .variables = variables,
                                           .descriptors = descriptors,
                                           .descriptor_count = 3,
                                           .folder_fd = -1,
                                           .new_session = true},
                           pid);
    oom_score_restore(score);
    return code;
}

static void reap(struct shim *shim)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != shim->main_pid)
            continue;
        shim->outcome.wait_status = status;
        shim->main_pid = 0;
    }
    shim->alone = pid < 0 && errno == ECHILD;
}

static void begin_stop(struct shim *shim, int64_t grace_ms)
{
    int64_t deadline_ms = clock_boot_ms() + grace_ms;
    bool first = shim->deadline_ms == 0;
    if (first || deadline_ms < shim->deadline_ms)
        shim->deadline_ms = deadline_ms;
    if (first)
        process_tree_signal(getpid(), NULL, 0, SIGTERM);
}

/* Anybody's kill() stops the job, too; it says nothing of a grace. */
static int64_t grace_of(const siginfo_t *signal)
{
    if (signal->si_code == SI_QUEUE)
        return signal->si_value.sival_int;
    return signal->si_signo == SIGINT ? JOB_SHIM_HURRIED_GRACE_MS : LIMIT_JOB_GRACE_MS;
}

static void wait_for_signal(struct shim *shim, const sigset_t *signals)
{
    int64_t wait_ms = LOOK_MS;
    if (shim->killing)
        wait_ms = KILL_ROUND_MS;
    else if (shim->deadline_ms)
        wait_ms = shim->deadline_ms - clock_boot_ms();
    if (wait_ms < 1)
        wait_ms = 1;
    const struct timespec timeout = {.tv_sec = wait_ms / 1000, .tv_nsec = (wait_ms % 1000) * 1000000};
    siginfo_t signal;
    int signal_number = sigtimedwait(signals, &signal, &timeout);
    if (signal_number == SIGTERM || signal_number == SIGINT)
        begin_stop(shim, grace_of(&signal));
}

static void watch(struct shim *shim, const sigset_t *signals)
{
    for (;;) {
        reap(shim);
        if (shim->alone)
            return;
        /* Once the command itself has ended by its own will, what it left behind has no time to spare. */
        bool abandoned = !shim->main_pid && !shim->deadline_ms;
        bool overdue = shim->deadline_ms && clock_boot_ms() >= shim->deadline_ms;
        shim->killing = shim->killing || abandoned || overdue;
        if (shim->killing)
            process_tree_signal(getpid(), NULL, 0, SIGKILL);
        wait_for_signal(shim, signals);
    }
}

/* To somebody who starts it by hand. */
static int explain(const char *argument, const char *more)
{
    static const char purpose[] =
        "posemesh-job-shim is started by posemesh-runnerd, above each of its jobs\n";
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
        return more ? usage_refuse_more("posemesh-job-shim", more) : fputs(purpose, stdout) < 0;
    fputs(purpose, stderr);
    return *argument ? usage_refuse("posemesh-job-shim", argument) : USAGE_EXIT;
}

int main(int argc, char **argv)
{
    struct shim shim = {.main_pid = 0};
    sigset_t signals;
    if (argc <= ARGUMENT_COMMAND || *argv[ARGUMENT_PARENT] == '-')
        return explain(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    prctl(PR_SET_NAME, "posemesh-job", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, SIGINT, 0, 0, 0);
    /* runnerd may have died before its death was of interest. */
    if (getppid() != (pid_t)strtol(argv[ARGUMENT_PARENT], NULL, 10))
        return EXIT_FAILURE;

    char **variables = job_environment();
    for (size_t i = 0; variables[i]; i++)
        if (strncmp(variables[i], "PATH=", 5) == 0)
            setenv("PATH", variables[i] + 5, 1); /* where posix_spawnp looks */
    int code = spawn_command(argv + ARGUMENT_COMMAND, variables, &shim.main_pid);
    shim.outcome.started = code == 0;
    shim.outcome.start_code = code;
    if (shim.outcome.started)
        watch(&shim, &signals);
    else
        start_fault_describe(argv[ARGUMENT_COMMAND], getenv("PATH"), code, shim.outcome.start_fault,
                             sizeof shim.outcome.start_fault);
    free(variables);
    ssize_t written = write(JOB_SHIM_OUTCOME_FD, &shim.outcome, sizeof shim.outcome);
    return written == (ssize_t)sizeof shim.outcome ? EXIT_SUCCESS : EXIT_FAILURE;
}
