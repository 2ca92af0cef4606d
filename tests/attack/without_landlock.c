/*
 * without-landlock PROGRAM ARGUMENT...: runs a program as on a kernel that has no Landlock, whatever this one
 * has.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (argc < 2 || !filter ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) != 0 ||
        seccomp_load(filter) != 0)
        return 64;
    seccomp_release(filter);
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
