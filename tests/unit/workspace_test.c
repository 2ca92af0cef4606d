/* services/stored/workspace/workspace.h: how workspaces are made, found again and removed. */
#include "libcommon/files/tree_removal.h"
#include "tests/unit/workspace_fixture.h"

#include <stdio.h>

static void remove_tree(int parent_fd, const char *name)
{
    struct error error;
    struct tree_removal *removal = tree_removal_create(parent_fd, name, NULL);
    enum tree_removal_state state = TREE_REMOVAL_MORE;
    while (state == TREE_REMOVAL_MORE)
        state = tree_removal_step(removal, 3, &error);
    tree_removal_free(removal);
    assert_int_equal(state, TREE_REMOVAL_DONE);
}

static void makes_folders_that_the_group_shares(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mode_of(fixture->work_dir.fd, TASK), 02770);
    assert_int_equal(mode_of(fixture->workspace.fd, "outputs"), 02770);
    assert_int_equal(mode_of(fixture->workspace.fd, "datasets"), 02750);
}

static void takes_only_plain_names_as_task_ids(void **state)
{
    (void)state;
    assert_true(workspace_name_is_safe(TASK));
    assert_true(workspace_name_is_safe("task_1.x"));
    const char *const refused[] = {"", ".", "..", ".hidden", "a/b", "a b", "a\nb", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(workspace_name_is_safe(refused[i]));
}

static void sets_an_earlier_attempt_aside(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    char *retired = NULL;
    write_file(fixture->workspace.fd, "outputs/old", "x");
    assert_true(workspace_retire(&fixture->work_dir, TASK, &retired, &error));
    assert_non_null(retired);
    assert_false(exists(fixture->work_dir.fd, TASK));
    remove_tree(fixture->work_dir.fd, retired);
    assert_false(exists(fixture->work_dir.fd, retired));
    free(retired);
    assert_true(workspace_retire(&fixture->work_dir, TASK, &retired, &error));
    assert_null(retired);
}

/* --- after a restart --- */

static bool reopen(struct fixture *fixture, struct error *error)
{
    workspace_close(&fixture->workspace);
    return workspace_reopen(&fixture->workspace, &fixture->work_dir, TASK, error);
}

static void goes_on_in_the_workspace_of_an_earlier_run_without_halves_of_downloads(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    write_file(fixture->workspace.incoming_fd, "1-0", "half");
    write_file(fixture->workspace.fd, "outputs/done", "whole");
    assert_true(reopen(fixture, &error));
    assert_false(exists(fixture->workspace.incoming_fd, "1-0"));
    assert_true(exists(fixture->workspace.fd, "outputs/done"));
    assert_true(exists(fixture->workspace.datasets_fd, "."));
}

static void does_not_go_on_in_what_is_not_there_any_more(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    remove_tree(fixture->work_dir.fd, TASK);
    assert_false(reopen(fixture, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void does_not_take_a_job_s_own_folder_or_link_for_the_inputs(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    assert_int_equal(renameat(fixture->workspace.fd, "datasets", fixture->workspace.fd, "hidden"), 0);
    assert_int_equal(symlinkat("/tmp", fixture->workspace.fd, "datasets"), 0);
    assert_false(reopen(fixture, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    char *path = memory_format("%s/%s/datasets", fixture->folder, TASK);
    unlink(path);
    assert_int_equal(mkdir(path, 0777), 0);
    /* Only root can make another user's folder. */
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_false(reopen(fixture, &error));
    }
    free(path);
}

static void knows_the_folders_of_a_task(void **state)
{
    (void)state;
    assert_true(workspace_owns(TASK, TASK));
    assert_true(workspace_owns(".incoming-" TASK, TASK));
    assert_false(workspace_owns(".removed-1-1-" TASK, TASK));
    assert_false(workspace_owns("0b0e0a52-6d3c-4f7b-9f5e-0d6f0f2b7c12", TASK));
}

static void sees_only_its_own_folders_as_left_over(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct text_list names = {0};
    assert_int_equal(mkdirat(fixture->work_dir.fd, "photos", 0700), 0);
    assert_int_equal(mkdirat(fixture->work_dir.fd, ".removed-1-2-x", 0700), 0);
    assert_true(work_dir_find_leftovers(&fixture->work_dir, &names, &error));
    assert_int_equal(names.count, 3); /* the workspace, its incoming folder, and the last one */
    text_list_clear(&names);
}

static void removes_links_without_following_them(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(mkdirat(fixture->work_dir.fd, "kept", 0700), 0);
    write_file(fixture->work_dir.fd, "kept/file", "x");
    assert_int_equal(mkdirat(fixture->work_dir.fd, "gone", 0700), 0);
    assert_int_equal(symlinkat("../kept", fixture->work_dir.fd, "gone/link"), 0);
    remove_tree(fixture->work_dir.fd, "gone");
    assert_false(exists(fixture->work_dir.fd, "gone"));
    assert_true(exists(fixture->work_dir.fd, "kept/file"));
}

static void removes_a_tree_deeper_than_any_path(void **state)
{
    struct fixture *fixture = *state;
    int fd = dup(fixture->work_dir.fd);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, i ? "dddddddd" : "deep", 0700), 0);
        int next = openat(fd, i ? "dddddddd" : "deep", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
        write_file(fd, "f", "x");
    }
    close(fd);
    remove_tree(fixture->work_dir.fd, "deep");
    assert_false(exists(fixture->work_dir.fd, "deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(makes_folders_that_the_group_shares),
        cmocka_unit_test(takes_only_plain_names_as_task_ids),
        WITH_WORKSPACE(sets_an_earlier_attempt_aside),
        WITH_WORKSPACE(goes_on_in_the_workspace_of_an_earlier_run_without_halves_of_downloads),
        WITH_WORKSPACE(does_not_go_on_in_what_is_not_there_any_more),
        WITH_WORKSPACE(does_not_take_a_job_s_own_folder_or_link_for_the_inputs),
        cmocka_unit_test(knows_the_folders_of_a_task),
        WITH_WORKSPACE(sees_only_its_own_folders_as_left_over),
        WITH_WORKSPACE(removes_links_without_following_them),
        WITH_WORKSPACE(removes_a_tree_deeper_than_any_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
