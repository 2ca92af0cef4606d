/*
 * Makes forbidden acts under each service's sandbox, each in a process of its own, and prints TAP: an act
 * must be refused (killed by the filter, or EPERM, EACCES from Landlock). Before that the same act is made
 * without a sandbox and must get through to the kernel's work, so that the test is known to bite. Needs root.
 */
#include "libcommon/base/log.h"
#include "libcommon/confine/landlock.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/node/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/reboot.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the acts work on; made by main() before any sandbox. */
static char folder[] = "/tmp/posemesh-probe-XXXXXX";
static char outside_file[64];
static int outside_port;
static char abstract_name[64];

/* 0 when the call did its work, else its errno. */
static int outcome(long result)
{
    return result >= 0 ? 0 : errno;
}

/* --- programs and processes --- */

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
    return outcome(pid);
}

static int act_trace(void)
{
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int act_read_memory_of_parent(void)
{
    char byte;
    struct iovec local = {&byte, 1};
    struct iovec remote = {outside_file, 1};
    return outcome(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static int act_take_descriptor_of_parent(void)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
    return pid_fd < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, pid_fd, 0, 0));
}

static int act_signal_parent(void)
{
    return outcome(kill(getppid(), 0));
}

static int act_become_root(void)
{
    return outcome(setresuid(0, 0, 0));
}

static int act_become_dumpable(void)
{
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int act_allow_cores(void)
{
    const struct rlimit none = {0, 0};
    return outcome(setrlimit(RLIMIT_CORE, &none));
}

/* Of the network: one of users is refused below a chroot, sandbox or not. */
static int act_new_namespace(void)
{
    return outcome(unshare(CLONE_NEWNET));
}

static int act_change_personality(void)
{
    return outcome(syscall(SYS_personality, 0xffffffff));
}

/* --- files --- */

static int act_write_file_outside(void)
{
    return outcome(open(outside_file, O_WRONLY | O_CLOEXEC));
}

static int act_make_file_outside(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/made-%d", folder, (int)getpid());
    return outcome(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int act_read_file_outside(void)
{
    return outcome(open(outside_file, O_RDONLY | O_CLOEXEC));
}

static int act_list_folder_outside(void)
{
    return outcome(open("/home", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int act_read_processes(void)
{
    return outcome(open("/proc/1/cmdline", O_RDONLY | O_CLOEXEC));
}

static int act_remove_file_outside(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/removable-%d", folder, (int)getppid());
    return outcome(unlink(path));
}

static int act_truncate_file_outside(void)
{
    return outcome(truncate(outside_file, 1));
}

static int act_make_link(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/link-%d", folder, (int)getpid());
    return outcome(symlink("/etc/passwd", path));
}

static int act_make_fifo(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/fifo-%d", folder, (int)getpid());
    return outcome(mkfifo(path, 0600));
}

static int act_change_root(void)
{
    return outcome(chroot("/"));
}

static int act_mount(void)
{
    int code = mount("none", "/nonexistent", "tmpfs", 0, NULL) == 0 ? 0 : errno;
    return code == ENOENT ? 0 : code;
}

static int act_open_by_handle(void)
{
    int code = syscall(SYS_open_by_handle_at, -1, NULL, 0) >= 0 ? 0 : errno;
    return code == EFAULT || code == EBADF ? 0 : code;
}

/* --- network --- */

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int act_connect_elsewhere(void)
{
    struct sockaddr_in address = loopback(outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

static int act_listen(void)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : outcome(bind(fd, (struct sockaddr *)&address, sizeof address));
}

/* Not TCP by name: some kernels' Landlock lets it pass. */
static int act_multipath_socket(void)
{
    struct sockaddr_in address = loopback(outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);
    if (fd < 0)
        return errno == EPROTONOSUPPORT || errno == ENOPROTOOPT ? 0 : errno;
    return outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* Connects without connect(). */
static int act_fast_open(void)
{
    struct sockaddr_in address = loopback(outside_port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno
                  : outcome(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address));
}

static int act_packet_socket(void)
{
    return outcome(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int act_abstract_socket_outside(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(abstract_name);
    memcpy(address.sun_path + 1, abstract_name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, bytes));
}

/* --- the kernel --- */

static int act_new_code(void)
{
    /* cppcheck-suppress invalidFunctionArg; mmap(2) wants -1 with MAP_ANONYMOUS */
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int act_memory_file(void)
{
    return outcome(memfd_create("probe", 0));
}

static int act_io_uring(void)
{
    int code = syscall(SYS_io_uring_setup, 0, NULL) >= 0 ? 0 : errno;
    return code == EFAULT || code == EINVAL ? 0 : code;
}

static int act_bpf(void)
{
    int code = syscall(SYS_bpf, 9999, NULL, 0) >= 0 ? 0 : errno;
    return code == EINVAL || code == EFAULT ? 0 : code;
}

static int act_perf_event(void)
{
    int code = syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) >= 0 ? 0 : errno;
    return code == EFAULT ? 0 : code;
}

static int act_userfaultfd(void)
{
    return outcome(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int act_kernel_keys(void)
{
    return outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
}

static int act_kernel_module(void)
{
    int code = syscall(SYS_init_module, NULL, 16, NULL) == 0 ? 0 : errno;
    /* ENOSYS: a kernel that knows no modules. */
    return code == EFAULT || code == ENOEXEC || code == ENOSYS ? 0 : code;
}

static int act_reboot(void)
{
    int code = syscall(SYS_reboot, 0, 0, 0, NULL) == 0 ? 0 : errno;
    return code == EINVAL ? 0 : code;
}

static int act_swap(void)
{
    int code = swapon("/nonexistent", 0) == 0 ? 0 : errno;
    return code == ENOENT ? 0 : code;
}

static int act_set_clock(void)
{
    const struct timespec invalid = {0, -1};
    /* Not by the C library, which would refuse the number itself. */
    int code = syscall(SYS_clock_settime, CLOCK_REALTIME, &invalid) == 0 ? 0 : errno;
    return code == EINVAL ? 0 : code;
}

/* For calls with arguments that make no sense: any answer but a refusal comes from the call itself. */
static int through(long result)
{
    return result < 0 && (errno == EPERM || errno == EACCES) ? errno : 0;
}

static int act_unmount(void)
{
    return through(umount2("/nonexistent", 0));
}

static int act_pivot_root(void)
{
    return through(syscall(SYS_pivot_root, "/nonexistent", "/nonexistent"));
}

static int act_open_file_system(void)
{
    return through(syscall(SYS_fsopen, "no such file system", 0));
}

static int act_open_tree(void)
{
    return through(syscall(SYS_open_tree, -1, NULL, 0));
}

static int act_change_mount(void)
{
    return through(syscall(SYS_mount_setattr, -1, NULL, 0, NULL, 0));
}

static int act_unload_kernel_module(void)
{
    return through(syscall(SYS_delete_module, NULL, 0));
}

static int act_load_kernel(void)
{
    return through(syscall(SYS_kexec_load, 0, 9999, NULL, 0));
}

static int act_turn_off_swap(void)
{
    return through(swapoff("/nonexistent"));
}

static int act_add_key(void)
{
    return through(syscall(SYS_add_key, NULL, NULL, NULL, 0, 0));
}

static int act_request_key(void)
{
    return through(syscall(SYS_request_key, NULL, NULL, NULL, 0));
}

static int act_slew_clock(void)
{
    return through(syscall(SYS_clock_adjtime, CLOCK_REALTIME, NULL));
}

static int act_write_memory_of_parent(void)
{
    return through(process_vm_writev(getppid(), NULL, 0, NULL, 0, 1));
}

enum {
    ALL = AUTHD_BIT | STORED_BIT | LEASED_BIT | HTTPD_BIT | RUNNERD_BIT,
    CONFINED = ALL & ~RUNNERD_BIT,
};

static const struct act {
    const char *name;
    int (*make)(void);
    unsigned services;
    int landlock_version; /* that the kernel must have for the refusal; 0: the filter refuses */
} acts[] = {
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
    {"changes its personality", act_change_personality, CONFINED, 0},
    {"writes a file outside its folder", act_write_file_outside, CONFINED, 2},
    {"makes a file outside its folder", act_make_file_outside, CONFINED, 2},
    {"reads a file outside its folder", act_read_file_outside, CONFINED, 2},
    {"lists a folder that it does not need", act_list_folder_outside, CONFINED, 2},
    {"reads of other processes", act_read_processes, CONFINED, 2},
    {"removes a file outside its folder", act_remove_file_outside, CONFINED, 2},
    {"truncates a file by its path", act_truncate_file_outside, CONFINED, 0},
    {"makes a symbolic link", act_make_link, CONFINED, 0},
    {"makes a FIFO", act_make_fifo, CONFINED, 0},
    {"changes its root folder", act_change_root, CONFINED, 0},
    {"mounts", act_mount, ALL, 0},
    {"opens a file by its handle", act_open_by_handle, CONFINED, 0},
    {"connects to a port that is not its peer's", act_connect_elsewhere, CONFINED & ~STORED_BIT,
     LANDLOCK_VERSION_PORTS},
    {"connects by MPTCP", act_multipath_socket, CONFINED, 0},
    {"connects while it sends", act_fast_open, CONFINED, 0},
    {"binds a TCP port", act_listen, CONFINED, LANDLOCK_VERSION_PORTS},
    {"opens a packet socket", act_packet_socket, CONFINED, 0},
    {"connects to an abstract socket of others", act_abstract_socket_outside, CONFINED, 6},
    {"makes written memory executable", act_new_code, CONFINED, 0},
    {"makes a memory file", act_memory_file, CONFINED, 0},
    {"sets up io_uring", act_io_uring, ALL, 0},
    {"calls bpf", act_bpf, ALL, 0},
    {"watches events of the processor", act_perf_event, ALL, 0},
    {"handles page faults", act_userfaultfd, ALL, 0},
    {"asks for kernel keys", act_kernel_keys, ALL, 0},
    {"loads a kernel module", act_kernel_module, ALL, 0},
    {"reboots", act_reboot, ALL, 0},
    {"turns on swap", act_swap, ALL, 0},
    {"sets the clock", act_set_clock, ALL, 0},
    {"slews the clock", act_slew_clock, ALL, 0},
    {"unmounts", act_unmount, ALL, 0},
    {"swaps root folders", act_pivot_root, ALL, 0},
    {"opens a file system", act_open_file_system, ALL, 0},
    {"opens a tree of mounts", act_open_tree, ALL, 0},
    {"changes a mount", act_change_mount, ALL, 0},
    {"unloads a kernel module", act_unload_kernel_module, ALL, 0},
    {"loads another kernel", act_load_kernel, ALL, 0},
    {"turns off swap", act_turn_off_swap, ALL, 0},
    {"adds a kernel key", act_add_key, ALL, 0},
    {"requests a kernel key", act_request_key, ALL, 0},
    {"writes another process's memory", act_write_memory_of_parent, ALL, 0},
};

/* --- what must work: names, addresses and certificates, from a thread, as curl's resolver has one --- */

/* What getaddrinfo said of localhost outside the sandboxes: a bare machine has no /etc/hosts. */
static int localhost_code;

static void *look_up(void *context)
{
    static const char *const names[] = {"localhost", "fe80::1%lo", "posemesh-probe.invalid"};
    const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    int *failed = context;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct addrinfo *found = NULL;
        int code = getaddrinfo(names[i], "80", &hints, &found);
        if (code == EAI_SYSTEM || (i == 0 && code != localhost_code))
            *failed = EACCES;
        if (found)
            freeaddrinfo(found);
    }
    return NULL;
}

static int need_names(void)
{
    pthread_t thread;
    int failed = 0;
    if (pthread_create(&thread, NULL, look_up, &failed) != 0)
        return errno;
    pthread_join(thread, NULL);
    return failed;
}

static int need_interface_number(void)
{
    return if_nametoindex("lo") ? 0 : errno;
}

static int need_certificates(void)
{
    return outcome(open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY | O_CLOEXEC));
}

/* The C library writes to a terminal or /dev/null in its own way. */
static int need_output(void)
{
    return fputs("", stdout) < 0 || fflush(stdout) != 0 ? errno : 0;
}

static int need_future_call_to_fail_softly(void)
{
    enum { FCHMODAT2 = 452 };
    return syscall(FCHMODAT2, -1, NULL, 0, -1) < 0 && errno == ENOSYS ? 0 : errno;
}

enum { CALLS_OUTSIDE = AUTHD_BIT | STORED_BIT | LEASED_BIT };

static const struct act needs[] = {
    {"looks up names", need_names, CALLS_OUTSIDE, 0},
    {"finds an interface's number", need_interface_number, CALLS_OUTSIDE, 0},
    {"reads the authorities' certificates", need_certificates, CALLS_OUTSIDE, 0},
    {"writes by stdio", need_output, CONFINED, 0},
    {"lives on after a call of a newer C library", need_future_call_to_fail_softly, CONFINED, 0},
};

/* --- one act in a process of its own --- */

static bool confine(enum service_id service)
{
    char runtime[96];
    char work[96];
    char text[SANDBOX_TEXT_BYTES];
    struct error error;
    snprintf(runtime, sizeof runtime, "%s/run", folder);
    snprintf(work, sizeof work, "%s/work", folder);
    const struct settings settings = {.runtime_dir = runtime,
                                      .work_dir = service == SERVICE_STORED ? work : NULL};
    return privileges_harden(&error) &&
           sandbox_apply(service, &settings, service == SERVICE_STORED ? 0 : 1, text, &error);
}

enum { NOT_CONFINED = 255 };

/* The child's exit status is the act's outcome. */
static int run_act(const struct act *act, bool confined, enum service_id service)
{
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (confined && !confine(service))
            _exit(NOT_CONFINED);
        _exit(act->make());
    }
    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool is_refusal(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGSYS;
    return WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES);
}

static const char *tell(int status, char out[64])
{
    if (WIFSIGNALED(status))
        snprintf(out, 64, "%s",
                 WTERMSIG(status) == SIGSYS ? "killed by the filter" : strsignal(WTERMSIG(status)));
    else
        snprintf(out, 64, "%s", WEXITSTATUS(status) ? strerror(WEXITSTATUS(status)) : "it got through");
    return out;
}

static void make_removable(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/removable-%d", folder, (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static int number;
static int failures;

static void report(bool ok, const char *who, const char *what, const char *how)
{
    failures += !ok;
    printf("%s %d - %s %s: %s\n", ok ? "ok" : "not ok", ++number, who, what, how);
}

/* Why this kernel cannot refuse the act; NULL when it can. */
static const char *missing_in_kernel(const struct act *act, int landlock_version, enum service_id service)
{
    enum { GET_MEMORY_DENY_WRITE_EXECUTE = 66 };
    /* httpd has no sockets of TCP to begin with. */
    if (landlock_version < act->landlock_version && service != SERVICE_HTTPD)
        return "its Landlock is too old";
    if (act->make == act_new_code && prctl(GET_MEMORY_DENY_WRITE_EXECUTE, 0, 0, 0, 0) < 0)
        return "it cannot deny executable memory";
    return NULL;
}

static void try_act(const struct act *act, int landlock_version)
{
    char text[64];
    make_removable();
    int control = run_act(act, false, SERVICE_NODE);
    report(WIFEXITED(control) && WEXITSTATUS(control) == 0, "control", act->name, tell(control, text));
    for (enum service_id service = 0; service < SERVICE_COUNT; service++) {
        char who[32];
        if (!(act->services & (1U << service)))
            continue;
        snprintf(who, sizeof who, "%s never", service_name(service));
        const char *missing = missing_in_kernel(act, landlock_version, service);
        if (missing) {
            printf("ok %d - %s %s # SKIP this kernel: %s\n", ++number, who, act->name, missing);
            continue;
        }
        make_removable();
        int status = run_act(act, true, service);
        report(is_refusal(status), who, act->name, tell(status, text));
    }
}

static void try_need(const struct act *need)
{
    char text[64];
    char who[32];
    for (enum service_id service = 0; service < SERVICE_COUNT; service++) {
        if (!(need->services & (1U << service)))
            continue;
        snprintf(who, sizeof who, "%s still", service_name(service));
        int status = run_act(need, true, service);
        report(WIFEXITED(status) && WEXITSTATUS(status) == 0, who, need->name,
               WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "it works" : tell(status, text));
    }
}

/* --- what the acts work on --- */

static int listen_at_loopback(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    outside_port = ntohs(address.sin_port);
    return fd;
}

static int listen_at_abstract_name(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(abstract_name, sizeof abstract_name, "posemesh-probe-%d", (int)getpid());
    size_t length = strlen(abstract_name);
    memcpy(address.sun_path + 1, abstract_name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return bind(fd, (struct sockaddr *)&address, bytes) == 0 && listen(fd, 64) == 0 ? fd : -1;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int main(void)
{
    struct landlock landlock;
    struct error error;
    log_configure("probe", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
    if (!landlock_begin(&landlock, false, &error) || !mkdtemp(folder) || listen_at_loopback() < 0 ||
        listen_at_abstract_name() < 0) {
        printf("not ok 1 - the probe can be set up\n");
        return 1;
    }
    landlock_end(&landlock);
    snprintf(outside_file, sizeof outside_file, "%s/outside", folder);
    int fd = open(outside_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        try_act(&acts[i], landlock.version);
    /* One short question, as a machine without a name server has to wait for its end. */
    setenv("RES_OPTIONS", "timeout:1 attempts:1", 1);
    localhost_code = getaddrinfo("localhost", "80", NULL, &(struct addrinfo *){NULL});
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        try_need(&needs[i]);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("1..%d\n", number);
    return failures ? 1 : 0;
}
