/* The ways to have the kernel send a signal to another process: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int own_socket(void)
{
    int ends[2];
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? ends[0] : -1;
}

static int act_own(void)
{
    return act_outcome(fcntl(own_socket(), F_SETOWN, getppid()));
}

static int act_own_by_kind(void)
{
    const struct f_owner_ex owner = {F_OWNER_PID, getppid()};
    return act_outcome(fcntl(own_socket(), F_SETOWN_EX, &owner));
}

static int act_choose_signal(void)
{
    return act_outcome(fcntl(own_socket(), F_SETSIG, SIGKILL));
}

static int act_signal_when_ready(void)
{
    return act_outcome(fcntl(own_socket(), F_SETFL, O_ASYNC));
}

static int act_signal_when_folder_changes(void)
{
    int folder = open("/sys/devices/system/cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fcntl(folder, F_NOTIFY, DN_ACCESS) == 0 ? 0 : errno;
    close(folder);
    /* A kernel may have been built without it. */
    return code == EINVAL ? 0 : code;
}

static int act_signal_when_lease_breaks(void)
{
    int code = fcntl(STDIN_FILENO, F_SETLEASE, F_RDLCK) == 0 ? 0 : errno;
    /* What standard input is, does not matter. */
    return code == EINVAL || code == EAGAIN ? 0 : code;
}

static int own_by_ioctl(unsigned long request)
{
    int owner = getppid();
    return act_outcome(ioctl(own_socket(), request, &owner));
}

static int act_own_by_file_ioctl(void)
{
    return own_by_ioctl(FIOSETOWN);
}

static int act_own_by_socket_ioctl(void)
{
    return own_by_ioctl(SIOCSPGRP);
}

static int act_timer(void)
{
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    return act_outcome(timer_create(CLOCK_MONOTONIC, &event, &timer));
}

static int act_queue(void)
{
    int code = syscall(SYS_mq_notify, -1, NULL) == 0 ? 0 : errno;
    return code == EBADF || code == ENOSYS ? 0 : code;
}

static int act_queue_signal(void)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    return act_outcome(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
}

static int act_signal_thread(void)
{
    return act_outcome(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int act_signal_by_descriptor(void)
{
    int code = syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0) == 0 ? 0 : errno;
    return code == EBADF ? 0 : code;
}

/* A limit of processor time ends in SIGKILL. */
static int act_limit_parent(void)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    return act_outcome(prlimit(getppid(), RLIMIT_CPU, &none, NULL));
}

const struct act signal_acts[] = {
    {"gives a descriptor to another process", act_own, CONFINED, 0},
    {"gives a descriptor to a kind of owner", act_own_by_kind, CONFINED, 0},
    {"gives a descriptor away by FIOSETOWN", act_own_by_file_ioctl, CONFINED, 0},
    {"gives a descriptor away by SIOCSPGRP", act_own_by_socket_ioctl, CONFINED, 0},
    {"chooses a descriptor's signal", act_choose_signal, CONFINED, 0},
    {"has a descriptor send signals", act_signal_when_ready, CONFINED, 0},
    {"has a folder send signals", act_signal_when_folder_changes, CONFINED, 0},
    {"has a lease send signals", act_signal_when_lease_breaks, CONFINED, 0},
    {"has a timer send signals", act_timer, CONFINED, 0},
    {"has a message queue send signals", act_queue, CONFINED, 0},
    {"queues a signal for another process", act_queue_signal, CONFINED, 0},
    {"signals another process's thread", act_signal_thread, CONFINED, 0},
    {"signals by a descriptor", act_signal_by_descriptor, CONFINED, 0},
    {"limits another process", act_limit_parent, CONFINED, 0},
    {NULL, NULL, 0, 0},
};
