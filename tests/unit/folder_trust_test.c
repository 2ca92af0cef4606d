/* libcommon/files/folder_trust.h: whether others could put something else in a folder's place. */
#include "libcommon/files/folder_trust.h"

#include "libcommon/base/memory.h"
#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STRANGER = 65534 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES]; /* /tmp, which is above it, is open to all and sticky */
    char above[96];                      /* a folder in it, of this user alone */
    char path[96];                       /* what is asked for: in `above`, and not there */
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "trust");
    snprintf(fixture->above, sizeof fixture->above, "%s/above", fixture->folder);
    snprintf(fixture->path, sizeof fixture->path, "%s/above/run", fixture->folder);
    assert_int_equal(mkdir(fixture->above, 0755), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static bool check(struct fixture *fixture, const char *path)
{
    return folder_check_parents(path, geteuid(), &fixture->error);
}

static void assert_refused(struct fixture *fixture, const char *path, const char *named, const char *remedy)
{
    fixture->error.code = ERROR_SYSTEM;
    assert_false(check(fixture, path));
    assert_int_equal(fixture->error.code, ERROR_FORBIDDEN);
    assert_non_null(strstr(fixture->error.text, named));
    assert_non_null(strstr(fixture->error.text, remedy));
}

static void skip_without_root(void)
{
    if (geteuid() == 0)
        return;
    print_message("# reason: only root makes a folder somebody else's\n");
    skip();
}

static void folders_of_root_and_of_this_user_are_trusted(void **state)
{
    struct fixture *fixture = *state;
    char *deep = memory_format("%s/not/there/yet", fixture->path);
    assert_true(check(fixture, fixture->path));
    assert_true(check(fixture, deep));
    assert_true(check(fixture, "/run/posemesh"));
    assert_true(check(fixture, "/"));
    /* A file in a folder's place is for whoever makes the folder to tell. */
    assert_true(check(fixture, "/etc/passwd/run"));
    free(deep);
}

static void a_folder_that_others_may_write_to_is_refused(void **state)
{
    static const mode_t modes[] = {0777, 0775, 0757, 0720};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(fixture->above, modes[i]), 0);
        assert_refused(fixture, fixture->path, fixture->above, "chmod go-w");
    }
    assert_non_null(strstr(fixture->error.text, "0720"));
    assert_int_equal(chmod(fixture->above, 01777), 0);
    assert_true(check(fixture, fixture->path));
}

static void the_folder_itself_is_not_looked_at(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->above, 0777), 0);
    char *with_slashes = memory_format("%s//", fixture->above);
    assert_true(check(fixture, fixture->above));
    assert_true(check(fixture, with_slashes));
    free(with_slashes);
}

static void a_folder_far_above_counts_as_well(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->folder, 0777), 0);
    assert_refused(fixture, fixture->path, fixture->folder, "chmod");
}

static void a_folder_of_a_stranger_is_refused(void **state)
{
    struct fixture *fixture = *state;
    skip_without_root();
    assert_int_equal(chown(fixture->above, STRANGER, STRANGER), 0);
    assert_refused(fixture, fixture->path, fixture->above, "chown");
    assert_true(folder_check_parents(fixture->path, STRANGER, &fixture->error));
}

static void a_link_counts_with_all_that_it_leads_through(void **state)
{
    struct fixture *fixture = *state;
    char *link = memory_format("%s/link", fixture->folder);
    char *below_link = memory_format("%s/run", link);
    char *other = memory_format("%s/other", fixture->folder);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(symlink("other/../above", link), 0);
    assert_true(check(fixture, below_link));
    assert_int_equal(chmod(other, 0777), 0);
    assert_refused(fixture, below_link, other, "chmod");
    assert_int_equal(chmod(other, 0755), 0);
    assert_int_equal(chmod(fixture->above, 0777), 0);
    assert_refused(fixture, below_link, "above", "chmod");
    /* What a link in the folder's own place leads to is the folder. */
    assert_true(check(fixture, link));
    free(link);
    free(below_link);
    free(other);
}

static void a_link_that_a_stranger_laid_is_refused(void **state)
{
    struct fixture *fixture = *state;
    skip_without_root();
    char *link = memory_format("%s/link", fixture->folder);
    char *below_link = memory_format("%s/run", link);
    assert_int_equal(symlink(fixture->above, link), 0);
    assert_true(check(fixture, below_link));
    assert_int_equal(lchown(link, STRANGER, STRANGER), 0);
    assert_refused(fixture, below_link, link, "chown");
    assert_refused(fixture, link, link, "chown");
    free(link);
    free(below_link);
}

static void links_in_a_circle_are_an_error(void **state)
{
    struct fixture *fixture = *state;
    char *link = memory_format("%s/link", fixture->folder);
    assert_int_equal(symlink("link", link), 0);
    assert_false(check(fixture, link));
    free(link);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(folders_of_root_and_of_this_user_are_trusted),
        WITH_FOLDER(a_folder_that_others_may_write_to_is_refused),
        WITH_FOLDER(the_folder_itself_is_not_looked_at),
        WITH_FOLDER(a_folder_far_above_counts_as_well),
        WITH_FOLDER(a_folder_of_a_stranger_is_refused),
        WITH_FOLDER(a_link_counts_with_all_that_it_leads_through),
        WITH_FOLDER(a_link_that_a_stranger_laid_is_refused),
        WITH_FOLDER(links_in_a_circle_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
