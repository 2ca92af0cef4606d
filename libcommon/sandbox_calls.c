/*
 * Which system calls a service may make, as tables of reasons. authd, leased, stored and httpd have a list of
 * what is allowed: anything else kills the process, since it means that somebody else's code runs in it.
 * runnerd has a list of what is refused (see sandbox.h).
 */
#include "libcommon/sandbox_internal.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

enum {
    CALLS_OUTSIDE = READ_AUTHD | READ_LEASED | READ_STORED,
    CONFINED = CALLS_OUTSIDE | READ_HTTPD,
    END = -1000000 /* of a list; libseccomp has negative numbers for calls that this machine lacks */
};

#define CALL(name) SCMP_SYS(name)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- what is allowed whatever its arguments --- */

static const int memory[] = {CALL(brk),     CALL(mmap),  CALL(munmap),  CALL(mprotect),   CALL(mremap),
                             CALL(madvise), CALL(mlock), CALL(munlock), CALL(membarrier), END};
static const int threads[] = {
    CALL(futex),       CALL(set_robust_list),   CALL(rseq),   CALL(exit), CALL(exit_group), CALL(gettid),
    CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu), END};
static const int signals[] = {CALL(rt_sigaction),
                              CALL(rt_sigprocmask),
                              CALL(rt_sigreturn),
                              CALL(sigaltstack),
                              CALL(restart_syscall),
                              CALL(signalfd4),
                              END};
static const int identity[] = {CALL(getpid), CALL(getppid), CALL(getuid),    CALL(geteuid),
                               CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid),
                               CALL(uname),  CALL(sysinfo), CALL(getrusage), CALL(times),
                               END};
static const int clocks[] = {CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
                             CALL(gettimeofday),  CALL(time),         CALL(getrandom),       END};
static const int descriptors[] = {CALL(read),
                                  CALL(readv),
                                  CALL(write),
                                  CALL(writev),
                                  CALL(pread64),
                                  CALL(preadv),
                                  CALL(pwrite64),
                                  CALL(pwritev),
                                  CALL(close),
                                  CALL(fcntl),
                                  CALL(dup),
                                  CALL(dup2),
                                  CALL(dup3),
                                  CALL(lseek),
                                  CALL(fstat),
                                  CALL(newfstatat),
                                  CALL(stat),
                                  CALL(lstat),
                                  CALL(statx),
                                  CALL(pipe2),
                                  CALL(eventfd2),
                                  CALL(poll),
                                  CALL(ppoll),
                                  CALL(select),
                                  CALL(pselect6),
                                  CALL(epoll_create1),
                                  CALL(epoll_ctl),
                                  CALL(epoll_wait),
                                  CALL(epoll_pwait),
                                  CALL(epoll_pwait2),
                                  END};
static const int sockets[] = {CALL(bind),
                              CALL(listen),
                              CALL(accept),
                              CALL(accept4),
                              CALL(connect),
                              CALL(shutdown),
                              CALL(sendto),
                              CALL(sendmsg),
                              CALL(sendmmsg),
                              CALL(recvfrom),
                              CALL(recvmsg),
                              CALL(recvmmsg),
                              CALL(getsockopt),
                              CALL(setsockopt),
                              CALL(getsockname),
                              CALL(getpeername),
                              END};
static const int paths[] = {CALL(open),
                            CALL(openat),
                            CALL(access),
                            CALL(faccessat),
                            CALL(faccessat2),
                            CALL(readlink),
                            CALL(readlinkat),
                            CALL(getcwd),
                            CALL(getdents64),
                            CALL(mkdir),
                            CALL(mkdirat),
                            CALL(unlink),
                            CALL(unlinkat),
                            CALL(rmdir),
                            CALL(chmod),
                            CALL(fchmod),
                            CALL(fchmodat),
                            CALL(umask),
                            END};
static const int files[] = {CALL(openat2),
                            CALL(ftruncate),
                            CALL(fallocate),
                            CALL(fsync),
                            CALL(fdatasync),
                            CALL(rename),
                            CALL(renameat),
                            CALL(renameat2),
                            CALL(fchown),
                            CALL(fchownat),
                            CALL(statfs),
                            CALL(fstatfs),
                            CALL(utimensat),
                            CALL(fadvise64),
                            CALL(sendfile),
                            CALL(copy_file_range),
                            END};
#ifdef __SANITIZE_ADDRESS__
static const int sanitizer[] = {CALL(ptrace),
                                CALL(clone),
                                CALL(wait4),
                                CALL(kill),
                                CALL(tkill),
                                CALL(prctl),
                                CALL(arch_prctl),
                                CALL(personality),
                                CALL(prlimit64),
                                CALL(process_vm_readv),
                                CALL(sched_getparam),
                                CALL(sched_getscheduler),
                                CALL(dup2),
                                CALL(pipe),
                                CALL(tgkill),
                                CALL(getdents),
                                END};
#endif

static const struct {
    const int *calls;
    unsigned services;
    const char *reason;
} allowed[] = {
    {memory, CONFINED, "memory, and keeping secrets out of the swap"},
    {threads, CONFINED, "nng, curl's resolver and the worker have threads"},
    {signals, CONFINED, "SIGTERM, and the handlers that libraries set"},
    {identity, CONFINED, "who am I, and how large is the machine"},
    {clocks, CONFINED, "timers and random numbers"},
    {descriptors, CONFINED, "the event loop, its sockets and files that are open"},
    {sockets, CONFINED, "talk; which families: the table below"},
    {paths, CONFINED, "sockets' folders, resolv.conf and certificates; which paths: sandbox_files.c"},
    {files, READ_STORED, "workspaces"},
#ifdef __SANITIZE_ADDRESS__
    {sanitizer, CONFINED, "sanitizer builds stop all threads and look for leaks at the end"},
#endif
};

/* --- what is allowed with certain arguments --- */

static const struct {
    int call;
    unsigned services;
    struct scmp_arg_cmp argument;
    const char *reason;
} allowed_with[] = {
    {CALL(socket), CONFINED, {0, SCMP_CMP_EQ, AF_UNIX, 0}, "the other services"},
    {CALL(socketpair), CONFINED, {0, SCMP_CMP_EQ, AF_UNIX, 0}, "curl wakes its resolver"},
    {CALL(socket), CALLS_OUTSIDE, {0, SCMP_CMP_EQ, AF_INET, 0}, "DDS, DMS, domain servers and DNS"},
    {CALL(socket), CALLS_OUTSIDE, {0, SCMP_CMP_EQ, AF_INET6, 0}, "as AF_INET"},
    {CALL(socket),
     CALLS_OUTSIDE,
     {0, SCMP_CMP_EQ, AF_NETLINK, 0},
     "the C library asks which addresses the machine has"},
    {CALL(clone), CONFINED, {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}, "threads, never processes"},
    {CALL(prctl), CONFINED, {0, SCMP_CMP_EQ, PR_SET_NAME, 0}, "threads have names"},
    {CALL(prctl), CONFINED, {0, SCMP_CMP_EQ, PR_SET_VMA, 0}, "newer C libraries name their memory"},
    {CALL(ioctl), CONFINED, {1, SCMP_CMP_EQ, FIONBIO, 0}, "non-blocking sockets"},
    {CALL(ioctl), CONFINED, {1, SCMP_CMP_EQ, FIONREAD, 0}, "the resolver asks how much has come"},
    {CALL(prlimit64), CONFINED, {2, SCMP_CMP_EQ, 0, 0}, "reads the limit of a thread's stack, sets none"},
};

static bool is_failure(int code, struct error *error)
{
    return code != 0 && !error_set_errno(error, -code, "cannot make the system call filter");
}

static bool allow(scmp_filter_ctx filter, enum service_id service, struct error *error)
{
    for (size_t i = 0; i < COUNT(allowed); i++)
        for (const int *call = allowed[i].calls; allowed[i].services & (1U << service) && *call != END;
             call++)
            if (is_failure(seccomp_rule_add(filter, SCMP_ACT_ALLOW, *call, 0), error))
                return false;
    for (size_t i = 0; i < COUNT(allowed_with); i++)
        if (allowed_with[i].services & (1U << service) &&
            is_failure(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed_with[i].call, 1,
                                              &allowed_with[i].argument),
                       error))
            return false;
    /* abort() after a failed assertion; no other process can be meant. */
    const struct scmp_arg_cmp self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    if (is_failure(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, &self), error))
        return false;
    /* Its flags lie in memory, where a filter cannot look: the C library falls back to clone. */
    return !is_failure(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0), error);
}

/* --- what is refused to runnerd and its jobs --- */

static const struct {
    int call;
    const char *reason;
} refused[] = {
    {CALL(pidfd_getfd), "takes another process's descriptors"},
    {CALL(kcmp), "compares another process's descriptors"},
    {CALL(process_vm_writev), "writes another process's memory"},
#ifndef __SANITIZE_ADDRESS__
    {CALL(ptrace), "reads another job's memory (sanitizer builds need it for their leak check)"},
#endif
    {CALL(process_vm_readv), "reads another job's memory"},
    {CALL(perf_event_open), "watches other processes"},
    {CALL(userfaultfd), "a tool of kernel exploits"},
    {CALL(bpf), "a tool of kernel exploits"},
    {CALL(add_key), "jobs keep no kernel keys"},
    {CALL(keyctl), "jobs keep no kernel keys"},
    {CALL(request_key), "jobs keep no kernel keys"},
    {CALL(mount), "jobs change no mounts"},
    {CALL(umount2), "jobs change no mounts"},
    {CALL(pivot_root), "jobs change no mounts"},
    {CALL(move_mount), "jobs change no mounts"},
    {CALL(open_tree), "jobs change no mounts"},
    {CALL(fsopen), "jobs change no mounts"},
    {CALL(init_module), "jobs load no kernel modules"},
    {CALL(finit_module), "jobs load no kernel modules"},
    {CALL(delete_module), "jobs load no kernel modules"},
    {CALL(kexec_load), "jobs start no other kernel"},
    {CALL(kexec_file_load), "jobs start no other kernel"},
    {CALL(reboot), "not a job's to do"},
    {CALL(swapon), "not a job's to do"},
    {CALL(swapoff), "not a job's to do"},
    {CALL(settimeofday), "leases live by the clock"},
    {CALL(clock_settime), "leases live by the clock"},
};

static bool refuse(scmp_filter_ctx filter, struct error *error)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        if (is_failure(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i].call, 0), error))
            return false;
    return true;
}

bool sandbox_limit_calls(enum service_id service, struct error *error)
{
    bool confined = CONFINED & (1U << service);
    scmp_filter_ctx filter = seccomp_init(confined ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW);
    if (!filter)
        return error_set(error, ERROR_SYSTEM, "cannot make a system call filter");
    bool ok = (confined ? allow(filter, service, error) : refuse(filter, error)) &&
              !is_failure(seccomp_load(filter), error);
    seccomp_release(filter);
    return ok;
}
