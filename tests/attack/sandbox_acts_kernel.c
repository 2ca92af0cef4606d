/* The kernel: what a sandbox must refuse. */
#include "tests/attack/sandbox_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

int act_new_code(void)
{
    /* cppcheck-suppress invalidFunctionArg; mmap(2) wants -1 with MAP_ANONYMOUS */
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : act_outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int act_memory_file(void)
{
    return act_outcome(memfd_create("probe", 0));
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
    return act_outcome(syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int act_kernel_keys(void)
{
    return act_outcome(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1));
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

const struct act kernel_acts[] = {
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
    {NULL, NULL, 0, 0},
};
