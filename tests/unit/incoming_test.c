#include "services/stored/inputs/incoming.h"

#include "libcommon/base/limits.h"
#include "libcommon/message/message.h"
#include "tests/unit/workspace_fixture.h"

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
        WITH_WORKSPACE(places_inputs_only_when_they_are_whole),
        WITH_WORKSPACE(keeps_the_bytes_of_pieces_of_any_length),
        WITH_WORKSPACE(leaves_nothing_of_an_input_that_failed),
        WITH_WORKSPACE(goes_round_what_an_earlier_run_has_placed),
        WITH_WORKSPACE(refuses_an_input_above_the_workspace_s_limit),
        WITH_WORKSPACE(knows_an_input_s_size_when_the_server_tells_it),
        WITH_WORKSPACE(calls_a_name_that_no_file_can_have_too_large),
        WITH_WORKSPACE(refuses_names_that_no_answer_could_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
