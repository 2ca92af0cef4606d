#include "services/node/folders.h"

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

enum { STRANGER = 65534, BASE = 70000 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    char run[96];
    char work[96];
    char state[96];
    struct identities identities;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "folders");
    snprintf(fixture->run, sizeof fixture->run, "%s/deep/run", fixture->folder);
    snprintf(fixture->work, sizeof fixture->work, "%s/work", fixture->folder);
    snprintf(fixture->state, sizeof fixture->state, "%s/state", fixture->folder);
    identities_choose(&fixture->identities, 70000, geteuid());
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

static bool make(struct fixture *fixture, struct error *error)
{
    const struct settings settings = {
        .runtime_dir = fixture->run, .work_dir = fixture->work, .state_dir = fixture->state};
    return folders_make(&fixture->identities, &settings, error);
}

static struct stat look_at(const struct fixture *fixture, const char *below)
{
    struct stat status;
    char *path = memory_format("%s/%s", fixture->folder, below);
    assert_int_equal(lstat(path, &status), 0);
    free(path);
    return status;
}

static void skip_without_separate_users(const struct fixture *fixture)
{
    if (fixture->identities.separate)
        return;
    print_message("# reason: only root gives each service a user of its own\n");
    skip();
}

static void the_folders_are_made_and_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_true(make(fixture, &error));
    assert_true(make(fixture, &error));
    struct stat token = look_at(fixture, "deep/run/authd/token");
    struct stat work = look_at(fixture, "work");
    if (fixture->identities.separate) {
        /* leased enters authd's folder by its group, and nobody else does. */
        assert_int_equal(token.st_uid, BASE + 1);
        assert_int_equal(token.st_gid, BASE + 3);
        assert_int_equal(token.st_mode & 07777, 02750);
        assert_int_equal(work.st_uid, BASE + 2);
    } else {
        assert_int_equal(token.st_mode & 07777, 0700);
    }
    assert_int_equal(work.st_mode & S_IRWXO, 0);
}

static void a_link_in_a_folder_s_place_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_int_equal(symlink("/etc", fixture->work), 0);
    assert_false(make(fixture, &error));
    assert_non_null(strstr(error.text, fixture->work));
}

static void a_folder_of_all_or_of_a_stranger_is_not_taken_over(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    skip_without_separate_users(fixture);
    assert_int_equal(mkdir(fixture->work, 0700), 0);
    assert_int_equal(chmod(fixture->work, 01777), 0); /* as POSEMESH_WORK_DIR=/tmp */
    assert_false(make(fixture, &error));
    assert_int_equal(look_at(fixture, "work").st_mode & 07777, 01777);
    assert_int_equal(chmod(fixture->work, 0700), 0);
    assert_int_equal(chown(fixture->work, STRANGER, STRANGER), 0);
    assert_false(make(fixture, &error));
    assert_int_equal(look_at(fixture, "work").st_uid, STRANGER);
}

static void what_others_could_replace_since_the_settings_were_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_int_equal(chmod(fixture->folder, 0777), 0);
    assert_false(make(fixture, &error));
    assert_non_null(strstr(error.text, "POSEMESH_RUNTIME_DIR: leads through "));
    assert_int_equal(chmod(fixture->folder, 0700), 0);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(the_folders_are_made_and_made_again),
        WITH_FOLDER(a_link_in_a_folder_s_place_is_refused),
        WITH_FOLDER(what_others_could_replace_since_the_settings_were_read_is_refused),
        WITH_FOLDER(a_folder_of_all_or_of_a_stranger_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
