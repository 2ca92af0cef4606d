/* libcommon/confine/privileges.h: who a process becomes, and that there is no way back. */
#include "libcommon/confine/privileges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void reads_a_user_a_group_and_further_groups(void **state)
{
    (void)state;
    struct privileges privileges;
    struct error error;
    assert_true(privileges_parse("1:2", &privileges, &error));
    assert_int_equal(privileges.uid, 1);
    assert_int_equal(privileges.gid, 2);
    assert_int_equal(privileges.group_count, 0);
    assert_true(privileges_parse("4294967294:0,10,11,12,13,14,15,16,17", &privileges, &error));
    assert_int_equal(privileges.uid, 4294967294U);
    assert_int_equal(privileges.gid, 0);
    assert_int_equal(privileges.group_count, 8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(privileges.groups[i], 10 + i);
}

static void an_odd_text_is_shown(void **state)
{
    (void)state;
    static const char *const odd[] = {"1",
                                      "1,2",
                                      "1:2,3,x",
                                      "1:2,3:4",
                                      "1:2,3,,4",
                                      "1:/",
                                      "1:2;3",
                                      "1:2,4294967295",
                                      "1:2,1,2,3,4,5,6,7,8,9",
                                      "99999999999999999999:1",
                                      "1:2 "};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct privileges privileges;
        struct error error;
        assert_false(privileges_parse(odd[i], &privileges, &error));
        assert_int_equal(error.code, ERROR_INVALID);
        assert_non_null(strstr(error.text, "POSEMESH_RUN_AS is '"));
        assert_non_null(strstr(error.text, odd[i]));
    }
}

/* Runs `check` in a process of its own; 0 when it is content. */
static int status_of(int (*check)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(check());
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int drop_and_look(void)
{
    const struct privileges privileges = {
        .uid = 70001, .gid = 70002, .groups = {70003, 70004}, .group_count = 2};
    struct error error;
    uid_t uids[3];
    gid_t gids[3];
    gid_t groups[8];
    if (!privileges_drop(&privileges, &error))
        return 1;
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0)
        return 2;
    for (size_t i = 0; i < 3; i++)
        if (uids[i] != 70001 || gids[i] != 70002)
            return 3;
    if (getgroups(8, groups) != 2 || groups[0] != 70003 || groups[1] != 70004)
        return 4;
    return setuid(0) == 0 ? 5 : 0;
}

/* Without root there is nothing to give up, and the caller has to hear of it. */
static int drop_without_root(void)
{
    const struct privileges first = {.uid = 70001, .gid = 70002};
    const struct privileges other = {.uid = 70005, .gid = 70002};
    struct error error;
    if (geteuid() == 0 && !privileges_drop(&first, &error))
        return 1;
    if (privileges_drop(&other, &error))
        return 2;
    return strstr(error.text, "cannot become uid 70005") ? 0 : 3;
}

/* Without the right to change its uid: groups are gone, and the rest is not. */
static int drop_halfway(void)
{
    const struct privileges privileges = {.uid = 70001, .gid = 70002};
    struct error error;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return 1;
    data[0].effective &= ~(1U << CAP_SETUID);
    data[0].permitted &= ~(1U << CAP_SETUID);
    if (syscall(SYS_capset, &header, data) != 0)
        return 2;
    return privileges_drop(&privileges, &error) ? 3 : 0;
}

/* As a kernel would that keeps all rights of a process that is not root any more. */
static int drop_with_a_way_back(void)
{
    const struct privileges privileges = {.uid = 70001, .gid = 70002};
    struct error error;
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) != 0)
        return 1;
    if (privileges_drop(&privileges, &error))
        return 2;
    return strcmp(error.text, "root can be had back after becoming uid 70001") == 0 ? 0 : 3;
}

static int stay_root(void)
{
    const struct privileges privileges = {.uid = 0, .gid = 0};
    struct error error;
    return privileges_drop(&privileges, &error) ? 0 : 1;
}

static void skip_unless_root(void)
{
    if (geteuid() == 0)
        return;
    print_message("# reason: only root has something to give up\n");
    skip();
}

static void a_process_becomes_that_user_for_good(void **state)
{
    (void)state;
    skip_unless_root();
    assert_int_equal(status_of(drop_and_look), 0);
    assert_int_equal(status_of(stay_root), 0);
}

static void what_is_given_up_by_halves_or_can_be_had_back_is_an_error(void **state)
{
    (void)state;
    skip_unless_root();
    assert_int_equal(status_of(drop_halfway), 0);
    assert_int_equal(status_of(drop_with_a_way_back), 0);
}

static void what_cannot_be_given_up_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(status_of(drop_without_root), 0);
}

static int harden_and_look(void)
{
    struct error error;
    struct rlimit core = {1, 1};
    if (!privileges_harden(&error))
        return 1;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
        return 2;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static void a_hardened_process_leaves_no_core_and_gets_no_privileges(void **state)
{
    (void)state;
    assert_int_equal(status_of(harden_and_look), 0);
}

/* What a kernel or a sandbox around the node may refuse, and what is said then. */
static const struct refusal {
    int call;
    unsigned first_argument; /* of prctl; any other call is refused in any case */
    const char *text;
} refusals[] = {
    {SCMP_SYS(prlimit64), 0, "cannot forbid core files and new privileges: Operation not permitted"},
    {SCMP_SYS(prctl), PR_SET_NO_NEW_PRIVS,
     "cannot forbid core files and new privileges: Operation not permitted"},
#ifndef __SANITIZE_ADDRESS__ /* a process stays dumpable there: see privileges_harden() */
    {SCMP_SYS(prctl), PR_SET_DUMPABLE, "cannot make the process undumpable: Operation not permitted"},
#endif
};
static const struct refusal *refusal;

static bool refuse(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    const struct scmp_arg_cmp is_it = SCMP_A0(SCMP_CMP_EQ, refusal->first_argument);
    bool ok = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), refusal->call,
                                     refusal->call == SCMP_SYS(prctl), &is_it) == 0 &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

static int harden_where_it_is_refused(void)
{
    struct error error;
    if (!refuse())
        return 1;
    if (privileges_harden(&error))
        return 2;
    return strcmp(error.text, refusal->text) == 0 ? 0 : 3;
}

static int drop_where_it_is_refused(void)
{
    const struct privileges privileges = {.uid = 70001, .gid = 70002};
    struct error error;
    if (!refuse())
        return 1;
    if (privileges_drop(&privileges, &error))
        return 2;
    return strcmp(error.text, refusal->text) == 0 ? 0 : 3;
}

static void a_process_that_cannot_become_another_user_hears_of_it(void **state)
{
    (void)state;
    static const struct refusal calls[] = {
        {SCMP_SYS(setgroups), 0, "cannot become uid 70001: Operation not permitted"},
        {SCMP_SYS(setresgid), 0, "cannot become uid 70001: Operation not permitted"},
        {SCMP_SYS(setresuid), 0, "cannot become uid 70001: Operation not permitted"}};
    skip_unless_root();
    for (refusal = calls; refusal < calls + sizeof calls / sizeof calls[0]; refusal++)
        assert_int_equal(status_of(drop_where_it_is_refused), 0);
}

static void a_process_that_cannot_be_hardened_hears_of_it(void **state)
{
    (void)state;
    for (refusal = refusals; refusal < refusals + sizeof refusals / sizeof refusals[0]; refusal++)
        assert_int_equal(status_of(harden_where_it_is_refused), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_user_a_group_and_further_groups),
        cmocka_unit_test(an_odd_text_is_shown),
        cmocka_unit_test(a_process_becomes_that_user_for_good),
        cmocka_unit_test(what_is_given_up_by_halves_or_can_be_had_back_is_an_error),
        cmocka_unit_test(what_cannot_be_given_up_is_an_error),
        cmocka_unit_test(a_hardened_process_leaves_no_core_and_gets_no_privileges),
        cmocka_unit_test(a_process_that_cannot_become_another_user_hears_of_it),
        cmocka_unit_test(a_process_that_cannot_be_hardened_hears_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
