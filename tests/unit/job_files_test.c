#include "services/runnerd/workspace/job_files.h"

#include "libcommon/base/memory.h"
#include "tests/unit/temporary_folder.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    int fd;
};

static void make(const struct fixture *fixture, const char *path, const char *text)
{
    if (text) {
        int fd = openat(fixture->fd, path, O_WRONLY | O_CREAT | O_EXCL, 0640);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        close(fd);
    } else {
        assert_int_equal(mkdirat(fixture->fd, path, 0770), 0);
    }
}

static bool exists(const struct fixture *fixture, const char *path)
{
    return faccessat(fixture->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A workspace as stored makes it. Root may do anything, so that the test is somebody else. */
static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    temporary_folder_make(fixture->folder, "job-files");
    if (geteuid() == 0) {
        assert_int_equal(chown(fixture->folder, NOBODY, NOBODY), 0);
        assert_int_equal(seteuid(NOBODY), 0);
    }
    fixture->fd = job_files_open_workspace(fixture->folder, &error);
    assert_true(fixture->fd >= 0);
    make(fixture, "datasets", NULL);
    make(fixture, "datasets/input", "x");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    close(fixture->fd);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void assert_only_what_stored_made_is_left(const struct fixture *fixture)
{
    char *shell = memory_format("test \"$(cd %s && find . | sort | xargs)\" = '. ./datasets ./datasets/input "
                                "./outputs'",
                                fixture->folder);
    assert_int_equal(system(shell), 0); /* NOLINT(cert-env33-c): a test's own folder */
    free(shell);
}

static void removes_all_that_a_job_made_and_nothing_of_stored(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    assert_int_equal(fchmodat(fixture->fd, "outputs", 02770, 0), 0);
    make(fixture, "outputs/result", "x");
    make(fixture, "outputs/outputs", NULL);
    make(fixture, "outputs/outputs/datasets", "x");
    make(fixture, "cache", NULL);
    make(fixture, "cache/datasets", NULL);
    assert_int_equal(symlinkat("../datasets", fixture->fd, "cache/link"), 0);
    make(fixture, ".hidden", "x");
    job_files_remove(fixture->fd, NULL);
    assert_only_what_stored_made_is_left(fixture);
    assert_int_equal(fstatat(fixture->fd, "outputs", &status, 0), 0);
    assert_int_equal(status.st_mode & 07777, 02770);
}

static void removes_folders_that_a_job_closed(void **state)
{
    static const mode_t modes[] = {0, 0100, 0200, 0300, 0400, 0500, 0600};
    struct fixture *fixture = *state;
    char path[32];
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        for (int deep = 0; deep < 2; deep++) {
            snprintf(path, sizeof path, "%s%zu", deep ? "outputs/" : "", i);
            make(fixture, path, NULL);
            snprintf(path, sizeof path, "%s%zu/full", deep ? "outputs/" : "", i);
            make(fixture, path, NULL);
            assert_int_equal(fchmodat(fixture->fd, path, modes[i], 0), 0);
            *strrchr(path, '/') = '\0';
            assert_int_equal(fchmodat(fixture->fd, path, modes[i], 0), 0);
        }
    }
    assert_int_equal(fchmodat(fixture->fd, "outputs", 0, 0), 0);
    job_files_remove(fixture->fd, NULL);
    assert_only_what_stored_made_is_left(fixture);
}

static void removes_a_link_in_the_place_of_the_outputs_folder(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(unlinkat(fixture->fd, "outputs", AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("datasets", fixture->fd, "outputs"), 0);
    job_files_remove(fixture->fd, NULL);
    assert_false(exists(fixture, "outputs"));
    assert_true(exists(fixture, "datasets/input"));
}

static void leaves_the_rest_when_it_is_told_to_stop(void **state)
{
    struct fixture *fixture = *state;
    atomic_bool stop = true;
    make(fixture, "outputs/result", "x");
    job_files_remove(fixture->fd, &stop);
    assert_true(exists(fixture, "outputs/result"));
    atomic_store(&stop, false);
    job_files_remove(fixture->fd, &stop);
    assert_only_what_stored_made_is_left(fixture);
}

static void enters_no_other_file_system(void **state)
{
    struct fixture *fixture = *state;
    char mounted[96];
    snprintf(mounted, sizeof mounted, "%s/mounted", fixture->folder);
    make(fixture, "mounted", NULL);
    make(fixture, "removed", "x");
    if (getuid() != 0 || seteuid(0) != 0 || unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", "none", MS_REC | MS_PRIVATE, "") != 0 ||
        mount("none", mounted, "tmpfs", 0, "") != 0) {
        print_message("# reason: mounting is not permitted here\n");
        skip();
    }
    /* The old one is of the namespace without the mount. */
    close(fixture->fd);
    fixture->fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make(fixture, "mounted/kept", "x");
    job_files_remove(fixture->fd, NULL);
    bool kept = exists(fixture, "mounted/kept");
    assert_int_equal(umount(mounted), 0);
    assert_true(kept);
    assert_false(exists(fixture, "removed"));
}

static char *reason_of(const struct fixture *fixture, const char *text)
{
    unlinkat(fixture->fd, "fail_reason.txt", 0);
    make(fixture, "fail_reason.txt", text);
    return job_files_fail_reason(fixture->fd);
}

/* 6,300 bytes in another script were "exit status 7". */
static void a_long_reason_is_cut_between_characters(void **state)
{
    struct fixture *fixture = *state;
    char text[6301];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i < sizeof text - 1; i++)
            text[i] = "\xe4\xb8\xad"[(i - shift) % 3];
        text[sizeof text - 1] = '\0';
        char *reason = reason_of(fixture, text);
        assert_non_null(reason);
        assert_int_equal(strlen(reason), 4096 - (4096 - shift) % 3);
        assert_memory_equal(reason, text, strlen(reason));
        free(reason);
    }
}

static void a_reason_as_long_as_it_may_be_is_whole(void **state)
{
    struct fixture *fixture = *state;
    char text[4097];
    memset(text, 'x', sizeof text - 3);
    memcpy(text + sizeof text - 3, "\xc3\xb6", 3);
    char *reason = reason_of(fixture, text);
    assert_string_equal(reason, text);
    free(reason);
    assert_null(reason_of(fixture, " \n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removes_all_that_a_job_made_and_nothing_of_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_folders_that_a_job_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_the_rest_when_it_is_told_to_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_a_link_in_the_place_of_the_outputs_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_reason_is_cut_between_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reason_as_long_as_it_may_be_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enters_no_other_file_system, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
