/* libcommon/files/folder_reach.h: whether a folder is of use to this user. As root it is asked as another
 * one. */
#include "libcommon/files/folder_reach.h"

#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USER = 65534 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    char above[96];
    char path[96];
    struct error *error; /* shared with the process that asks */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "reach");
    snprintf(fixture->above, sizeof fixture->above, "%s/above", fixture->folder);
    snprintf(fixture->path, sizeof fixture->path, "%s/above/it", fixture->folder);
    fixture->error =
        mmap(NULL, sizeof *fixture->error, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(mkdir(fixture->above, 0755), 0);
    assert_int_equal(mkdir(fixture->path, 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(chmod(fixture->folder, 0755), 0);
        assert_int_equal(chown(fixture->above, USER, USER), 0);
        assert_int_equal(chown(fixture->path, USER, USER), 0);
    }
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    chmod(fixture->above, 0755);
    chmod(fixture->path, 0755);
    munmap(fixture->error, sizeof *fixture->error);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static bool check(struct fixture *fixture, const char *path, enum folder_need need)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        bool ready = geteuid() != 0 || (setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0);
        _exit(!ready ? 2 : folder_reach_check(path, need, fixture->error) ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

static void assert_refused(struct fixture *fixture, const char *path, enum folder_need need,
                           const char *sentence, const char *named)
{
    assert_false(check(fixture, path, need));
    assert_non_null(strstr(fixture->error->text, sentence));
    assert_non_null(strstr(fixture->error->text, named));
}

static void a_folder_of_one_s_own_is_of_use(void **state)
{
    struct fixture *fixture = *state;
    assert_true(check(fixture, fixture->path, FOLDER_NEED_WAY));
    assert_true(check(fixture, fixture->path, FOLDER_NEED_READ));
    assert_true(check(fixture, fixture->path, FOLDER_NEED_WRITE));
}

static void one_above_it_that_is_closed_is_named(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->above, 0600), 0);
    assert_refused(fixture, fixture->path, FOLDER_NEED_WAY, "cannot enter ", fixture->above);
    assert_null(strstr(fixture->error->text, fixture->path));
    assert_non_null(strstr(fixture->error->text, "chmod o+x it"));
    /* Whether it is there, too. */
    rmdir(fixture->path);
    assert_refused(fixture, fixture->path, FOLDER_NEED_WAY, "cannot enter ", fixture->above);
}

static void what_is_closed_itself_leaves_the_way_to_it(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(chmod(fixture->path, 0000), 0);
    assert_true(check(fixture, fixture->path, FOLDER_NEED_WAY));
    assert_refused(fixture, fixture->path, FOLDER_NEED_READ, "cannot read ", fixture->path);
    assert_int_equal(chmod(fixture->path, 0500), 0);
    assert_true(check(fixture, fixture->path, FOLDER_NEED_READ));
    assert_refused(fixture, fixture->path, FOLDER_NEED_WRITE, "cannot write to ", fixture->path);
}

static void what_is_missing_counts_where_it_is_to_be_made(void **state)
{
    struct fixture *fixture = *state;
    char deep[160];
    snprintf(deep, sizeof deep, "%s/deep/er/", fixture->path);
    assert_true(check(fixture, deep, FOLDER_NEED_WRITE));
    assert_int_equal(chmod(fixture->path, 0500), 0);
    assert_true(check(fixture, deep, FOLDER_NEED_WAY));
    assert_true(check(fixture, deep, FOLDER_NEED_READ));
    assert_refused(fixture, deep, FOLDER_NEED_WRITE, "cannot make a folder in ", fixture->path);
    assert_non_null(strstr(fixture->error->text, "deep/er/ for that user"));
}

static void a_file_on_the_way_is_told(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, "/dev/null/run", FOLDER_NEED_WAY, "a part of it is no folder", "/dev/null");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_folder_of_one_s_own_is_of_use),
        WITH_FOLDER(one_above_it_that_is_closed_is_named),
        WITH_FOLDER(what_is_closed_itself_leaves_the_way_to_it),
        WITH_FOLDER(what_is_missing_counts_where_it_is_to_be_made),
        WITH_FOLDER(a_file_on_the_way_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
