/* Programs and processes: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int act_execute(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};
    execv("/bin/true", arguments);
    return errno;
}

static int act_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return act_outcome(pid);
}

static int act_trace(void)
{
    return act_outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int act_read_memory_of_parent(void)
{
    char byte;
    struct iovec local = {&byte, 1};
    struct iovec remote = {act_places.outside_file, 1};
    return act_outcome(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int act_take_descriptor_of_parent(void)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
    return pid_fd < 0 ? errno : act_outcome(syscall(SYS_pidfd_getfd, pid_fd, 0, 0));
}

static int act_signal_parent(void)
{
    return act_outcome(kill(getppid(), 0));
}

static int act_become_root(void)
{
    return act_outcome(setresuid(0, 0, 0));
}

static int act_become_dumpable(void)
{
    return act_outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int act_allow_cores(void)
{
    const struct rlimit none = {0, 0};
    return act_outcome(setrlimit(RLIMIT_CORE, &none));
}

/* Of the network: one of users is refused below a chroot, sandbox or not. */
static int act_new_namespace(void)
{
    return act_outcome(unshare(CLONE_NEWNET));
}

/* What comes after the look at the permission makes no sense, so that a machine that refuses these to all
 * does not refuse them in the sandbox's place. */
static int through(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES) ? errno : 0;
}

static int act_user_namespace(void)
{
    enum { NO_FLAG_OF_UNSHARE = 1 };
    return through(unshare(CLONE_NEWUSER | NO_FLAG_OF_UNSHARE));
}

static int act_process_in_user_namespace(void)
{
    return through(syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS, NULL, NULL, NULL, NULL));
}

static int act_process_by_clone3(void)
{
    return syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS ? EPERM : 0;
}

static int act_enter_namespace(void)
{
    return through(syscall(SYS_setns, -1, CLONE_NEWUSER));
}

static int act_change_personality(void)
{
    return act_outcome(syscall(SYS_personality, 0xffffffff));
}

const struct act process_acts[] = {
    {"starts a program", act_execute, CONFINED, 0},
    {"makes a process", act_fork, CONFINED, 0},
    {"traces a process", act_trace, ALL, 0},
    {"reads another process's memory", act_read_memory_of_parent, ALL, 0},
    {"takes another process's descriptor", act_take_descriptor_of_parent, ALL, 0},
    {"signals another process", act_signal_parent, CONFINED, 0},
    {"becomes root", act_become_root, CONFINED, 0},
    {"becomes dumpable", act_become_dumpable, CONFINED, 0},
    {"sets its limit of core files", act_allow_cores, CONFINED, 0},
    {"makes a namespace", act_new_namespace, CONFINED, 0},
    {"makes a user namespace", act_user_namespace, ALL, 0},
    {"starts a process in a user namespace", act_process_in_user_namespace, ALL, 0},
    {"starts a process by clone3", act_process_by_clone3, ALL, 0},
    {"enters a namespace", act_enter_namespace, ALL, 0},
    {"changes its personality", act_change_personality, CONFINED, 0},
    {NULL, NULL, 0, 0},
};
