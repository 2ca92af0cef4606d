#include "services/stored/workspace/workspace.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/files/tree_removal.h"
#include "libcommon/message/message.h"
#include "services/stored/inputs/incoming.h"
#include "tests/unit/temporary_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define TASK "0b0e0a52-6d3c-4f7b-9f5e-0d6f0f2b7c11"

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct work_dir work_dir;
    struct workspace workspace;
};

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

static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    temporary_folder_make(fixture->folder, "workspace");
    assert_true(work_dir_open(&fixture->work_dir, fixture->folder, &error));
    assert_true(workspace_create(&fixture->workspace, &fixture->work_dir, TASK, &error));
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    workspace_close(&fixture->workspace);
    work_dir_close(&fixture->work_dir);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void write_file(int folder_fd, const char *path, const char *text)
{
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static mode_t mode_of(int folder_fd, const char *path)
{
    struct stat status;
    assert_int_equal(fstatat(folder_fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status.st_mode & 07777;
}

static bool exists(int folder_fd, const char *path)
{
    return faccessat(folder_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
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

static void opens_nothing_outside_the_workspace(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    /* valgrind 3.19 does not know openat2; kernels do since 5.6. */
    if (syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) < 0 && errno == ENOSYS) {
        print_message("# reason: openat2 is not known here (valgrind 3.19)\n");
        skip();
    }
    write_file(fixture->work_dir.fd, "secret", "x");
    write_file(fixture->workspace.fd, "outputs/file", "x");
    assert_int_equal(symlinkat("../../secret", fixture->workspace.fd, "outputs/link"), 0);
    assert_int_equal(symlinkat("outputs", fixture->workspace.fd, "folder-link"), 0);
    assert_int_equal(mkfifoat(fixture->workspace.fd, "outputs/pipe", 0600), 0);
    const char *const refused[] = {"../secret",
                                   "/etc/passwd",
                                   "outputs/link",
                                   "outputs/../../secret",
                                   "folder-link/file",
                                   "outputs",
                                   "outputs/pipe",
                                   "",
                                   "outputs/../outputs/file",
                                   "outputs/missing"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(workspace_open_file(&fixture->workspace, refused[i], &error), -1);
    int fd = workspace_open_file(&fixture->workspace, "./outputs//file", &error);
    assert_true(fd >= 0);
    close(fd);
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

/* --- inputs --- */

static void receive(struct incoming *incoming, const char *name, const char *text)
{
    struct error error;
    const struct multipart_handler handler = incoming_handler(incoming);
    const struct multipart_part part = {.name = name, .data_type = "csv", .id = "id", .size = -1};
    assert_true(handler.begin(handler.context, &part, &error));
    assert_true(handler.data(handler.context, text, strlen(text), &error));
    assert_true(handler.end(handler.context, &error));
}

static void places_inputs_only_when_they_are_whole(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct message_input input = {0};
    struct input_path_set *paths = input_path_set_create();
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    receive(incoming, "lost with its attempt", "x");
    incoming_reset(incoming);
    receive(incoming, "../a", "first");
    receive(incoming, "../a", "second");
    assert_false(exists(fixture->workspace.datasets_fd, "___a"));
    assert_true(incoming_place(incoming, paths, "cid", &input, &error));
    incoming_free(incoming);
    assert_string_equal(input.path, "datasets/___a/___a.csv");
    assert_int_equal(input.related_files.count, 1);
    assert_string_equal(input.related_files.items[0], "datasets/___a/___a-2.csv");
    assert_string_equal(input.data_id, "id");
    assert_int_equal(mode_of(fixture->workspace.fd, input.path), 0640);
    assert_int_equal(unlinkat(fixture->work_dir.fd, ".incoming-" TASK, AT_REMOVEDIR), 0);
    message_clear(&message_input_type, &input);
    input_path_set_free(paths);
}

static void expect_content(const struct workspace *workspace, const char *path, const char *bytes,
                           size_t length)
{
    char *found = memory_allocate(length + 1);
    int fd = openat(workspace->fd, path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, found, length + 1), (ssize_t)length);
    assert_memory_equal(found, bytes, length);
    close(fd);
    free(found);
}

/* Each length goes into a part of its own, over and over, so that it meets the ends of blocks anywhere. */
static void keeps_the_bytes_of_pieces_of_any_length(void **state)
{
    enum { BYTES = 200 * 1000 };
    static const size_t piece_lengths[] = {1, 4095, 4096, 16383, 16384, 16385, 50000, BYTES};
    static const char *const paths[] = {"datasets/p/p.t",   "datasets/p/p-2.t", "datasets/p/p-3.t",
                                        "datasets/p/p-4.t", "datasets/p/p-5.t", "datasets/p/p-6.t",
                                        "datasets/p/p-7.t", "datasets/p/p-8.t"};
    const struct fixture *fixture = *state;
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    const struct multipart_handler handler = incoming_handler(incoming);
    const struct multipart_part part = {.name = "p", .data_type = "t", .size = -1};
    struct input_path_set *set = input_path_set_create();
    struct message_input input = {0};
    struct error error;
    char *bytes = memory_allocate(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 2654435761U >> 13);
    for (size_t i = 0; i < sizeof piece_lengths / sizeof *piece_lengths; i++) {
        assert_true(handler.begin(handler.context, &part, &error));
        for (size_t at = 0; at < BYTES; at += piece_lengths[i]) {
            size_t length = BYTES - at < piece_lengths[i] ? BYTES - at : piece_lengths[i];
            assert_true(handler.data(handler.context, bytes + at, length, &error));
        }
        assert_true(handler.end(handler.context, &error));
    }
    assert_true(incoming_place(incoming, set, "cid", &input, &error));
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        expect_content(&fixture->workspace, paths[i], bytes, BYTES);
    free(bytes);
    message_clear(&message_input_type, &input);
    input_path_set_free(set);
    incoming_free(incoming);
}

static void leaves_nothing_of_an_input_that_failed(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct message_input input = {0};
    struct input_path_set *paths = input_path_set_create();
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    receive(incoming, "a", "first");
    receive(incoming, "b", "second");
    write_file(fixture->workspace.datasets_fd, "b", "in the way");
    assert_false(incoming_place(incoming, paths, "cid", &input, &error));
    incoming_free(incoming);
    assert_false(exists(fixture->workspace.datasets_fd, "a/a.csv"));
    assert_int_equal(unlinkat(fixture->work_dir.fd, ".incoming-" TASK, AT_REMOVEDIR), 0);
    input_path_set_free(paths);
}

/* Killed between the placing and the note of it in the journal. */
static void goes_round_what_an_earlier_run_has_placed(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct message_input input = {0};
    struct input_path_set *paths = input_path_set_create();
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    assert_int_equal(mkdirat(fixture->workspace.datasets_fd, "a", 0750), 0);
    write_file(fixture->workspace.datasets_fd, "a/a.csv", "of an earlier run");
    receive(incoming, "a", "first");
    assert_true(incoming_place(incoming, paths, "cid", &input, &error));
    assert_string_equal(input.path, "datasets/a/a-2.csv");
    expect_content(&fixture->workspace, "datasets/a/a.csv", "of an earlier run", 17);
    expect_content(&fixture->workspace, "datasets/a/a-2.csv", "first", 5);
    message_clear(&message_input_type, &input);
    input_path_set_free(paths);
    incoming_free(incoming);
}

/* The disk is spared what is known to be too much. */
static void refuses_an_input_above_the_workspace_s_limit(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    const struct multipart_handler handler = incoming_handler(incoming);
    struct multipart_part part = {.name = "a", .data_type = "csv", .size = 11};
    fixture->workspace.max_bytes = 10;
    assert_false(handler.begin(handler.context, &part, &error));
    assert_int_equal(error.code, ERROR_DISK_FULL);
    part.size = -1;
    assert_true(handler.begin(handler.context, &part, &error));
    assert_true(handler.data(handler.context, "0123456789", 10, &error));
    assert_false(handler.data(handler.context, "x", 1, &error));
    assert_int_equal(error.code, ERROR_DISK_FULL);
    incoming_free(incoming);
}

static void knows_an_input_s_size_when_the_server_tells_it(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    const struct multipart_handler handler = incoming_handler(incoming);
    struct multipart_part part = {.name = "a", .data_type = "csv", .size = 11};
    assert_int_equal(incoming_announced_bytes(incoming), -1);
    assert_true(handler.begin(handler.context, &part, &error));
    assert_int_equal(incoming_announced_bytes(incoming), 11);
    assert_true(handler.data(handler.context, "0123456789", 10, &error));
    assert_int_equal(incoming_announced_bytes(incoming), 11);
    assert_true(handler.end(handler.context, &error));
    part.size = INT64_MAX; /* a lie */
    assert_true(handler.begin(handler.context, &part, &error));
    assert_int_equal(incoming_announced_bytes(incoming), -1);
    incoming_reset(incoming);
    assert_int_equal(incoming_announced_bytes(incoming), -1);
    incoming_free(incoming);
}

static void calls_a_name_that_no_file_can_have_too_large(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    struct message_input input = {0};
    struct input_path_set *paths = input_path_set_create();
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    char *name = memory_format("%0252d", 0);
    receive(incoming, "a", "first");
    receive(incoming, name, "second");
    assert_false(incoming_place(incoming, paths, "cid", &input, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    incoming_free(incoming);
    assert_false(exists(fixture->workspace.datasets_fd, "a/a.csv"));
    free(name);
    input_path_set_free(paths);
}

static void refuses_names_that_no_answer_could_hold(void **state)
{
    struct fixture *fixture = *state;
    struct error error = {0};
    struct incoming *incoming = incoming_create(&fixture->workspace, 1);
    const struct multipart_handler handler = incoming_handler(incoming);
    char *name = memory_format("%01000d", 0);
    const struct multipart_part part = {.name = name, .data_type = "csv", .size = 0};
    size_t parts = 0;
    while (handler.begin(handler.context, &part, &error) && handler.end(handler.context, &error))
        parts++;
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_in_range(parts, 2000, LIMIT_MESSAGE_BYTES / 2000);
    incoming_free(incoming);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_folders_that_the_group_shares, set_up, tear_down),
        cmocka_unit_test(takes_only_plain_names_as_task_ids),
        cmocka_unit_test_setup_teardown(opens_nothing_outside_the_workspace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_an_earlier_attempt_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            goes_on_in_the_workspace_of_an_earlier_run_without_halves_of_downloads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_go_on_in_what_is_not_there_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_take_a_job_s_own_folder_or_link_for_the_inputs, set_up,
                                        tear_down),
        cmocka_unit_test(knows_the_folders_of_a_task),
        cmocka_unit_test_setup_teardown(sees_only_its_own_folders_as_left_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_links_without_following_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removes_a_tree_deeper_than_any_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_inputs_only_when_they_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_bytes_of_pieces_of_any_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leaves_nothing_of_an_input_that_failed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(goes_round_what_an_earlier_run_has_placed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_an_input_above_the_workspace_s_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_an_input_s_size_when_the_server_tells_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_names_that_no_answer_could_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_a_name_that_no_file_can_have_too_large, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
