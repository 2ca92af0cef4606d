/* libcommon/files/tree_removal.h: trees of any mode and depth. Run as root, it is nobody meanwhile, to whom
 * modes mean something. */
#include "libcommon/files/file_mode.h"
#include "libcommon/files/tree_removal.h"
#include "tests/unit/temporary_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    int fd;
    bool was_root;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "removal");
    fixture->was_root = geteuid() == 0;
    if (fixture->was_root) {
        assert_int_equal(chown(fixture->folder, NOBODY, NOBODY), 0);
        assert_int_equal(seteuid(NOBODY), 0);
    }
    fixture->fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fixture->fd >= 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->was_root)
        assert_int_equal(seteuid(0), 0);
    close(fixture->fd);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void make_folder(int parent_fd, const char *name)
{
    assert_int_equal(mkdirat(parent_fd, name, 0700), 0);
}

static void make_file(int folder_fd, const char *name, mode_t mode)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Each folder has a file and the next folder; the modes are taken away from within, bottom up. */
static void make_deep(int parent_fd, const char *name, int depth, mode_t mode)
{
    make_folder(parent_fd, name);
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    make_file(fd, "file", 0);
    if (depth > 1)
        make_deep(fd, "d", depth - 1, mode);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static enum tree_removal_state remove_tree(const struct fixture *fixture, const char *name)
{
    struct error error;
    struct tree_removal *removal = tree_removal_create(fixture->fd, name, NULL);
    enum tree_removal_state state = TREE_REMOVAL_MORE;
    while (state == TREE_REMOVAL_MORE)
        state = tree_removal_step(removal, 7, &error);
    tree_removal_free(removal);
    if (state == TREE_REMOVAL_FAILED)
        print_message("# %s\n", error.text);
    return state;
}

static bool exists(const struct fixture *fixture, const char *name)
{
    return faccessat(fixture->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void removes_folders_whatever_their_modes(void **state)
{
    const struct fixture *fixture = *state;
    for (mode_t mode = 0; mode <= 0700; mode += 0100) {
        make_deep(fixture->fd, "tree", 3, mode);
        assert_int_equal(remove_tree(fixture, "tree"), TREE_REMOVAL_DONE);
        assert_false(exists(fixture, "tree"));
    }
}

static void removes_deep_trees_whatever_their_modes(void **state)
{
    const struct fixture *fixture = *state;
    for (mode_t mode = 0; mode <= 0700; mode += 0100) {
        make_deep(fixture->fd, "tree", 150, mode);
        assert_int_equal(remove_tree(fixture, "tree"), TREE_REMOVAL_DONE);
        assert_false(exists(fixture, "tree"));
    }
}

static void removes_a_tree_deeper_than_the_process_has_descriptors(void **state)
{
    const struct fixture *fixture = *state;
    struct rlimit before;
    make_deep(fixture->fd, "tree", 100, 0700);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = (rlim_t)fixture->fd + 6, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    enum tree_removal_state done = remove_tree(fixture, "tree");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(done, TREE_REMOVAL_DONE);
    assert_false(exists(fixture, "tree"));
}

/* A job that knows our pid could have them, too. */
static void names_that_it_gives_to_deep_folders_may_be_taken(void **state)
{
    const struct fixture *fixture = *state;
    char name[64];
    make_deep(fixture->fd, "tree", 70, 0700);
    for (int i = 1; i <= 3; i++) {
        snprintf(name, sizeof name, "tree/.deep-%d-%d", (int)getpid(), i);
        if (i == 2)
            make_file(fixture->fd, name, 0600);
        else
            make_deep(fixture->fd, name, 2, 0700);
    }
    assert_int_equal(remove_tree(fixture, "tree"), TREE_REMOVAL_DONE);
    assert_false(exists(fixture, "tree"));
}

/* --- libcommon/files/file_mode.h --- */

static mode_t mode_of(const struct fixture *fixture, const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(fixture->fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status.st_mode & ALLPERMS;
}

static void adds_permissions_to_what_has_none(void **state)
{
    const struct fixture *fixture = *state;
    make_file(fixture->fd, "file", 0);
    make_deep(fixture->fd, "folder", 1, 02000);
    assert_true(file_mode_add_at(fixture->fd, "file", 0750, 0640));
    assert_true(file_mode_add_at(fixture->fd, "folder", 0750, 0640));
    assert_int_equal(mode_of(fixture, "file"), 0640);
    assert_int_equal(mode_of(fixture, "folder") & 0777, 0750);
    assert_true(file_mode_add_at(fixture->fd, "file", 0, 0100));
    assert_int_equal(mode_of(fixture, "file"), 0740);
}

static void follows_no_link(void **state)
{
    const struct fixture *fixture = *state;
    make_file(fixture->fd, "file", 0600);
    assert_int_equal(symlinkat("file", fixture->fd, "link"), 0);
    assert_int_equal(mkfifoat(fixture->fd, "pipe", 0600), 0);
    assert_true(file_mode_add_at(fixture->fd, "link", 0777, 0666));
    assert_true(file_mode_add_at(fixture->fd, "pipe", 0777, 0666));
    assert_int_equal(mode_of(fixture, "file"), 0600);
    assert_int_equal(mode_of(fixture, "pipe"), 0600);
    assert_false(file_mode_add_at(fixture->fd, "nothing", 0777, 0666));
    assert_int_equal(errno, ENOENT);
}

/* Only root can make another user's file. */
static void leaves_the_files_of_others_as_they_are(void **state)
{
    const struct fixture *fixture = *state;
    if (!fixture->was_root) {
        print_message("# reason: needs root\n");
        skip();
    }
    make_file(fixture->fd, "file", 0600);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(fchownat(fixture->fd, "file", NOBODY - 1, NOBODY - 1, 0), 0);
    assert_false(file_mode_add_at(fixture->fd, "file", 0777, 0666));
    assert_int_equal(errno, EPERM);
    assert_int_equal(mode_of(fixture, "file"), 0600);
    assert_true(file_mode_add_at(fixture->fd, "file", 0777, 0600)); /* nothing is missing */
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(removes_folders_whatever_their_modes),
        WITH_FOLDER(removes_deep_trees_whatever_their_modes),
        WITH_FOLDER(removes_a_tree_deeper_than_the_process_has_descriptors),
        WITH_FOLDER(names_that_it_gives_to_deep_folders_may_be_taken),
        WITH_FOLDER(adds_permissions_to_what_has_none),
        WITH_FOLDER(follows_no_link),
        WITH_FOLDER(leaves_the_files_of_others_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
