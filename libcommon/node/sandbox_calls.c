/*
 * Which system calls a service may make, as tables of reasons. authd, leased, stored and httpd have a list of
 * what is allowed: anything else kills the process, since it means that somebody else's code runs in it.
 * runnerd has a list of what is refused (see sandbox.h).
 */
#include "libcommon/node/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
    END_OF_CALLS = -1000000 /* of a list; libseccomp has negative numbers for calls that this machine lacks */
};

#define CALL(name) SCMP_SYS(name)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- what is allowed whatever its arguments --- */

static const int memory[] = {CALL(brk),     CALL(mmap),  CALL(munmap),  CALL(mprotect),   CALL(mremap),
                             CALL(madvise), CALL(mlock), CALL(munlock), CALL(membarrier), END_OF_CALLS};
static const int threads[] = {
    CALL(futex),       CALL(set_robust_list),   CALL(rseq),   CALL(exit),  CALL(exit_group), CALL(gettid),
    CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu), END_OF_CALLS};
static const int signals[] = {CALL(rt_sigaction), CALL(rt_sigprocmask),  CALL(rt_sigreturn),
                              CALL(sigaltstack),  CALL(restart_syscall), CALL(signalfd4),
                              END_OF_CALLS};
static const int identity[] = {CALL(getpid), CALL(getppid), CALL(getuid),    CALL(geteuid),
                               CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid),
                               CALL(uname),  CALL(sysinfo), CALL(getrusage), CALL(times),
                               END_OF_CALLS};
static const int clocks[] = {CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep),
                             CALL(gettimeofday),  CALL(time),         CALL(getrandom),       END_OF_CALLS};
static const int descriptors[] = {
    CALL(read),      CALL(readv),      CALL(write),       CALL(writev),       CALL(pread64),
    CALL(preadv),    CALL(pwrite64),   CALL(pwritev),     CALL(close),        CALL(dup),
    CALL(dup2),      CALL(dup3),       CALL(lseek),       CALL(fstat),        CALL(newfstatat),
    CALL(stat),      CALL(lstat),      CALL(statx),       CALL(pipe2),        CALL(eventfd2),
    CALL(poll),      CALL(ppoll),      CALL(select),      CALL(pselect6),     CALL(epoll_create1),
    CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), END_OF_CALLS};
static const int sockets[] = {CALL(bind),     CALL(listen),     CALL(accept),      CALL(accept4),
                              CALL(connect),  CALL(shutdown),   CALL(recvfrom),    CALL(recvmsg),
                              CALL(recvmmsg), CALL(getsockopt), CALL(getsockname), CALL(getpeername),
                              END_OF_CALLS};
static const int paths[] = {CALL(open),       CALL(openat),   CALL(access),     CALL(faccessat),
                            CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd),
                            CALL(getdents64), CALL(mkdir),    CALL(mkdirat),    CALL(unlink),
                            CALL(unlinkat),   CALL(rmdir),    CALL(chmod),      CALL(fchmod),
                            CALL(fchmodat),   CALL(umask),    END_OF_CALLS};
static const int files[] = {
    CALL(openat2),   CALL(ftruncate), CALL(fallocate), CALL(fsync),           CALL(fdatasync), CALL(rename),
    CALL(renameat),  CALL(renameat2), CALL(fchown),    CALL(fchownat),        CALL(statfs),    CALL(fstatfs),
    CALL(utimensat), CALL(fadvise64), CALL(sendfile),  CALL(copy_file_range), END_OF_CALLS};
static const int disk[] = {CALL(statfs), END_OF_CALLS};
#ifdef __SANITIZE_ADDRESS__
static const int sanitizer[] = {CALL(ptrace),         CALL(clone),
                                CALL(wait4),          CALL(kill),
                                CALL(tkill),          CALL(prctl),
                                CALL(arch_prctl),     CALL(personality),
                                CALL(prlimit64),      CALL(process_vm_readv),
                                CALL(sched_getparam), CALL(sched_getscheduler),
                                CALL(dup2),           CALL(pipe),
                                CALL(tgkill),         CALL(getdents),
                                END_OF_CALLS};
#endif

struct group {
    const int *calls;
    unsigned services;
    const char *reason;
};

static const struct group allowed[] = {
    {memory, CONFINED_BITS, "memory, and keeping secrets out of the swap"},
    {threads, CONFINED_BITS, "nng, curl's resolver and the worker have threads"},
    {signals, CONFINED_BITS, "SIGTERM, and the handlers that libraries set"},
    {identity, CONFINED_BITS, "who am I, and how large is the machine"},
    {clocks, CONFINED_BITS, "timers and random numbers"},
    {descriptors, CONFINED_BITS, "the event loop, its sockets and files that are open"},
    {sockets, CONFINED_BITS, "talk; which families: the table below"},
    {paths, CONFINED_BITS, "sockets' folders, resolv.conf and certificates; which paths: sandbox_files.c"},
    {files, STORED_BIT, "workspaces"},
    {disk, LEASED_BIT, "how full the disk of the work folder is (DISK_RESERVE_BYTES)"},
#ifdef __SANITIZE_ADDRESS__
    {sanitizer, CONFINED_BITS, "sanitizer builds stop all threads and look for leaks at the end"},
#endif
};

/* --- what is allowed with certain arguments --- */

#define EQUALS(index, value)                                                                                 \
    {                                                                                                        \
        index, SCMP_CMP_EQ, value, 0                                                                         \
    }
#define HAS_BITS(index, mask, value)                                                                         \
    {                                                                                                        \
        index, SCMP_CMP_MASKED_EQ, mask, value                                                               \
    }

/* The flags beside a socket's type are free; so are the two ways to name its protocol. No other: MPTCP, for
 * one, would pass by Landlock's limit of TCP ports. */
enum { SOCKET_TYPE_MASK = 0xf };
#define SOCKETS(family, type, protocol)                                                                      \
    {                                                                                                        \
        CALL(socket), OUTSIDE_BITS, 3,                                                                       \
            {EQUALS(0, family), HAS_BITS(1, SOCKET_TYPE_MASK, type), EQUALS(2, protocol)},                   \
            "DDS, DMS, domain servers and DNS"                                                               \
    }

#define FCNTL(command, services, reason)                                                                     \
    {                                                                                                        \
        CALL(fcntl), services, 1, {EQUALS(1, command)}, reason                                               \
    }

struct rule {
    int call;
    unsigned services;
    unsigned count;
    struct scmp_arg_cmp arguments[3];
    const char *reason;
};

static const struct rule allowed_with[] = {
    {CALL(socket),
     CONFINED_BITS,
     2,
     {EQUALS(0, AF_UNIX), HAS_BITS(1, SOCKET_TYPE_MASK, SOCK_STREAM)},
     "the other services"},
    {CALL(socket),
     OUTSIDE_BITS,
     2,
     {EQUALS(0, AF_UNIX), HAS_BITS(1, SOCKET_TYPE_MASK, SOCK_DGRAM)},
     "the C library asks by one for an interface's number"},
    {CALL(socketpair), CONFINED_BITS, 1, {EQUALS(0, AF_UNIX)}, "curl wakes its resolver"},
    SOCKETS(AF_INET, SOCK_STREAM, 0),
    SOCKETS(AF_INET, SOCK_STREAM, IPPROTO_TCP),
    SOCKETS(AF_INET, SOCK_DGRAM, 0),
    SOCKETS(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
    SOCKETS(AF_INET6, SOCK_STREAM, 0),
    SOCKETS(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
    SOCKETS(AF_INET6, SOCK_DGRAM, 0),
    SOCKETS(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    {CALL(socket),
     OUTSIDE_BITS,
     2,
     {EQUALS(0, AF_NETLINK), EQUALS(2, NETLINK_ROUTE)},
     "the C library asks which addresses the machine has"},
    {CALL(setsockopt), OUTSIDE_BITS, 0, {EQUALS(0, 0)}, "what curl and the resolver set"},
    /* No other: some have a socket connect by itself. */
    {CALL(setsockopt), HTTPD_BIT, 2, {EQUALS(1, IPPROTO_TCP), EQUALS(2, TCP_NODELAY)}, "answers go at once"},
    {CALL(setsockopt), HTTPD_BIT, 2, {EQUALS(1, IPPROTO_TCP), EQUALS(2, TCP_CORK)}, "as TCP_NODELAY"},
    /* No owner, signal or O_ASYNC of a descriptor: through them another process would be signalled. */
    FCNTL(F_DUPFD, CONFINED_BITS, "descriptors"),
    FCNTL(F_DUPFD_CLOEXEC, CONFINED_BITS, "descriptors"),
    FCNTL(F_GETFD, CONFINED_BITS, "descriptors"),
    FCNTL(F_SETFD, CONFINED_BITS, "descriptors"),
    FCNTL(F_GETFL, CONFINED_BITS, "descriptors"),
    {CALL(fcntl), CONFINED_BITS, 2, {EQUALS(1, F_SETFL), HAS_BITS(2, O_ASYNC, 0)}, "non-blocking ones"},
    FCNTL(F_GETLK, STORED_BIT, "the journal's locks"),
    FCNTL(F_SETLK, STORED_BIT, "the journal's locks"),
    FCNTL(F_SETLKW, STORED_BIT, "the journal's locks"),
    /* Without MSG_FASTOPEN, which connects past Landlock's limit of ports. */
    {CALL(sendto), OUTSIDE_BITS, 1, {HAS_BITS(3, MSG_FASTOPEN, 0)}, "talk"},
    {CALL(sendto), HTTPD_BIT, 2, {HAS_BITS(3, MSG_FASTOPEN, 0), EQUALS(4, 0)}, "talk, to no address"},
    {CALL(sendmsg), CONFINED_BITS, 1, {HAS_BITS(2, MSG_FASTOPEN, 0)}, "talk"},
    {CALL(sendmmsg), OUTSIDE_BITS, 1, {HAS_BITS(3, MSG_FASTOPEN, 0)}, "the resolver asks for A and AAAA"},
    {CALL(clone), CONFINED_BITS, 1, {HAS_BITS(0, CLONE_THREAD, CLONE_THREAD)}, "threads, never processes"},
    {CALL(prctl), CONFINED_BITS, 1, {EQUALS(0, PR_SET_NAME)}, "threads have names"},
    {CALL(prctl), CONFINED_BITS, 1, {EQUALS(0, PR_SET_VMA)}, "newer C libraries name their memory"},
    {CALL(ioctl), CONFINED_BITS, 1, {EQUALS(1, FIONBIO)}, "non-blocking sockets"},
    {CALL(ioctl), CONFINED_BITS, 1, {EQUALS(1, FIONREAD)}, "the resolver asks how much has come"},
    {CALL(ioctl), OUTSIDE_BITS, 1, {EQUALS(1, SIOCGIFINDEX)}, "a name server of a link's own: fe80::1%eth0"},
    {CALL(ioctl), OUTSIDE_BITS, 1, {EQUALS(1, SIOCGIFNAME)}, "as SIOCGIFINDEX"},
    {CALL(prlimit64), CONFINED_BITS, 1, {EQUALS(2, 0)}, "reads the limit of a thread's stack, sets none"},
};

/* --- what gets a "no" that callers know how to take --- */

/* The first call that Debian 12's headers have no name for, and far beyond the last one of today. A newer C
 * library tries such calls and falls back; killing it for that would end a node with an upgrade. */
enum { FIRST_UNNAMED_CALL = 451, UNNAMED_CALLS_END = 600 };

static const struct {
    int call;
    int answer;
    unsigned count;
    struct scmp_arg_cmp argument;
    const char *reason;
} answered[] = {
    {CALL(clone3), ENOSYS, 0, EQUALS(0, 0),
     "its flags lie in memory, where a filter cannot look; clone is tried then"},
    {CALL(ioctl), ENOTTY, 1, EQUALS(1, TCGETS), "stdio asks whether a descriptor is a terminal"},
};

static bool is_failure(int code, struct error *error)
{
    return code != 0 && !error_set_errno(error, -code, "cannot make the system call filter");
}

static bool add_groups(scmp_filter_ctx filter, enum service_id service, uint32_t action,
                       const struct group *groups, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        for (const int *call = groups[i].calls; groups[i].services & (1U << service) && *call != END_OF_CALLS;
             call++)
            if (is_failure(seccomp_rule_add(filter, action, *call, 0), error))
                return false;
    return true;
}

static bool add_rules(scmp_filter_ctx filter, enum service_id service, uint32_t action,
                      const struct rule *rules, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].services & (1U << service) &&
            is_failure(
                seccomp_rule_add_array(filter, action, rules[i].call, rules[i].count, rules[i].arguments),
                error))
            return false;
    return true;
}

static bool allow(scmp_filter_ctx filter, enum service_id service, struct error *error)
{
    if (!add_groups(filter, service, SCMP_ACT_ALLOW, allowed, COUNT(allowed), error))
        return false;
    if (!add_rules(filter, service, SCMP_ACT_ALLOW, allowed_with, COUNT(allowed_with), error))
        return false;
    /* abort() after a failed assertion; no other process can be meant. */
    const struct scmp_arg_cmp self = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    return !is_failure(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, &self), error);
}

static bool answer(scmp_filter_ctx filter, struct error *error)
{
    for (size_t i = 0; i < COUNT(answered); i++)
        if (is_failure(seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)answered[i].answer),
                                              answered[i].call, answered[i].count, &answered[i].argument),
                       error))
            return false;
    for (int call = FIRST_UNNAMED_CALL; call < UNNAMED_CALLS_END; call++)
        if (is_failure(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0), error))
            return false;
    return true;
}

/* --- what is refused to runnerd and its jobs --- */

static const int other_processes[] = {CALL(pidfd_getfd),      CALL(kcmp),
                                      CALL(process_vm_readv), CALL(process_vm_writev),
                                      CALL(perf_event_open),  END_OF_CALLS};
#ifndef __SANITIZE_ADDRESS__
static const int tracing[] = {CALL(ptrace), END_OF_CALLS};
#endif
static const int exploits[] = {CALL(userfaultfd), CALL(bpf), CALL(io_uring_setup), END_OF_CALLS};
static const int keys[] = {CALL(add_key), CALL(keyctl), CALL(request_key), END_OF_CALLS};
static const int mounts[] = {CALL(mount),     CALL(umount2),       CALL(pivot_root), CALL(move_mount),
                             CALL(open_tree), CALL(fsopen),        CALL(fsmount),    CALL(fsconfig),
                             CALL(fspick),    CALL(mount_setattr), END_OF_CALLS};
static const int modules[] = {CALL(init_module), CALL(finit_module), CALL(delete_module), END_OF_CALLS};
static const int kernels[] = {CALL(kexec_load), CALL(kexec_file_load), END_OF_CALLS};
static const int machine[] = {CALL(reboot), CALL(swapon), CALL(swapoff), END_OF_CALLS};
static const int setting_clocks[] = {CALL(settimeofday), CALL(clock_settime), CALL(adjtimex),
                                     CALL(clock_adjtime), END_OF_CALLS};

static const struct group refused[] = {
    {other_processes, RUNNERD_BIT, "takes, compares, reads, writes or watches what is another process's"},
#ifndef __SANITIZE_ADDRESS__
    {tracing, RUNNERD_BIT, "reads another job's memory (sanitizer builds need it for their leak check)"},
#endif
    {exploits, RUNNERD_BIT, "tools of kernel exploits; programs fall back from io_uring"},
    {keys, RUNNERD_BIT, "jobs keep no kernel keys"},
    {mounts, RUNNERD_BIT, "jobs change no mounts"},
    {modules, RUNNERD_BIT, "jobs load no kernel modules"},
    {kernels, RUNNERD_BIT, "jobs start no other kernel"},
    {machine, RUNNERD_BIT, "not a job's to do"},
    {setting_clocks, RUNNERD_BIT, "leases live by the clock"},
};

/*
 * Who makes a user namespace is root in it, and reaches from there what only root may ask of the kernel:
 * netfilter, traffic control, packet sockets, where exploits begin. No kernel lets netfilter alone be refused
 * for all of a machine's modes, and without mounts (above) little else is left of such a namespace to a job.
 */
static const struct rule refused_with[] = {
    {CALL(unshare), RUNNERD_BIT, 1, {HAS_BITS(0, CLONE_NEWUSER, CLONE_NEWUSER)}, "jobs become root nowhere"},
    {CALL(clone), RUNNERD_BIT, 1, {HAS_BITS(0, CLONE_NEWUSER, CLONE_NEWUSER)}, "as unshare"},
    {CALL(setns), RUNNERD_BIT, 0, {EQUALS(0, 0)}, "nor enter where somebody else is"},
};

/* As for services: clone3's flags lie in memory, and clone is tried then. */
static bool refuse(scmp_filter_ctx filter, enum service_id service, struct error *error)
{
    const uint32_t no = SCMP_ACT_ERRNO(EPERM);
    return add_groups(filter, service, no, refused, COUNT(refused), error) &&
           add_rules(filter, service, no, refused_with, COUNT(refused_with), error) &&
           !is_failure(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0), error);
}

/* A job may be a program of the machine's other modes (32 bits); the refusals hold there too. */
static bool add_other_modes(scmp_filter_ctx filter, struct error *error)
{
#if defined(__x86_64__)
    static const uint32_t modes[] = {SCMP_ARCH_X86, SCMP_ARCH_X32};
#elif defined(__aarch64__)
    static const uint32_t modes[] = {SCMP_ARCH_ARM};
#else
    static const uint32_t modes[] = {SCMP_ARCH_NATIVE};
#endif
    for (size_t i = 0; i < COUNT(modes); i++) {
        int code = seccomp_arch_add(filter, modes[i]);
        if (code != -EEXIST && is_failure(code, error))
            return false;
    }
    return true;
}

/* TSYNC: should a library have started a thread already, it is confined too. */
static bool set_attributes(scmp_filter_ctx filter, bool confined, struct error *error)
{
    return !is_failure(seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1), error) &&
           !is_failure(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), error) &&
           (!confined ||
            !is_failure(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), error));
}

bool sandbox_limit_calls(enum service_id service, struct error *error)
{
    bool confined = CONFINED_BITS & (1U << service);
    scmp_filter_ctx filter = seccomp_init(confined ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW);
    if (!filter)
        return error_set(error, ERROR_SYSTEM, "cannot make a system call filter");
    bool ok = set_attributes(filter, confined, error) &&
              (confined ? allow(filter, service, error) && answer(filter, error)
                        : add_other_modes(filter, error) && refuse(filter, service, error)) &&
              !is_failure(seccomp_load(filter), error);
    seccomp_release(filter);
    return ok;
}
