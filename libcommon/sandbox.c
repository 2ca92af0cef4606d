#include "libcommon/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

struct rule {
    int call;
    bool starts_programs;
    const char *reason;
};

static const struct rule rules[] = {
    {SCMP_SYS(execve), true, "only runnerd starts programs: a taken-over service must not get a shell"},
    {SCMP_SYS(execveat), true, "as execve"},
#ifndef __SANITIZE_ADDRESS__
    {SCMP_SYS(ptrace), false,
     "reads another process's memory (sanitizer builds need it for their leak check)"},
#endif
    {SCMP_SYS(process_vm_readv), false, "reads another process's memory"},
    {SCMP_SYS(process_vm_writev), false, "writes another process's memory"},
    {SCMP_SYS(pidfd_getfd), false, "takes another process's descriptors"},
    {SCMP_SYS(kcmp), false, "compares another process's descriptors"},
    {SCMP_SYS(userfaultfd), false, "a tool of kernel exploits"},
    {SCMP_SYS(bpf), false, "a tool of kernel exploits"},
    {SCMP_SYS(perf_event_open), false, "watches other processes"},
    {SCMP_SYS(add_key), false, "the node keeps no kernel keys"},
    {SCMP_SYS(keyctl), false, "the node keeps no kernel keys"},
    {SCMP_SYS(request_key), false, "the node keeps no kernel keys"},
    {SCMP_SYS(mount), false, "the node changes no mounts"},
    {SCMP_SYS(umount2), false, "the node changes no mounts"},
    {SCMP_SYS(pivot_root), false, "the node changes no mounts"},
    {SCMP_SYS(init_module), false, "the node loads no kernel modules"},
    {SCMP_SYS(finit_module), false, "the node loads no kernel modules"},
    {SCMP_SYS(reboot), false, "not the node's to do"},
    {SCMP_SYS(swapon), false, "not the node's to do"},
};

bool sandbox_apply(const struct sandbox_profile *profile, struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return error_set(error, ERROR_SYSTEM, "cannot make a system call filter");
    int code = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && code == 0; i++)
        if (!(rules[i].starts_programs && profile->may_start_programs))
            code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), rules[i].call, 0);
    if (code == 0)
        code = seccomp_load(filter);
    seccomp_release(filter);
    return code == 0 || error_set_errno(error, -code, "cannot load the system call filter");
}
