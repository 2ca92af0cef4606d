#include "services/stored/workspace/workspace_files.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/ipc/ipc_peers.h"
#include "services/stored/workspace/folder_listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_TURNS = 2000, BLOCKED_AFTER_SECS = 60, RACES = 50000, HELD_MAX = WORKSPACE_LISTS_MAX + 1 };

/* A workspace, and requests for its listings over a real socket. */
struct fixture {
    char folder[64];
    struct work_dir work_dir;
    struct workspace workspace;
    struct loop *loop;
    struct ipc *server;
    struct ipc *client;
    struct workspace_files *files;
    struct ipc_request *held[HELD_MAX];
    const struct message_workspace_list *asked[HELD_MAX];
    int held_count;
    int answers;
    int failures[ERROR_CODE_COUNT];
    struct message_workspace_entries last;
};

/* --- what the tests stand on --- */

/* Requests are held until a test has as many as it wants. */
static void hold(void *context, struct ipc_request *request, const void *message)
{
    struct fixture *fixture = context;
    fixture->asked[fixture->held_count] = message;
    fixture->held[fixture->held_count++] = request;
}

static const struct ipc_handler handlers[] = {{OPERATION_workspace_list, hold}};

static int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    struct ipc_peers peers;
    strcpy(fixture->folder, "/tmp/workspace-files-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_true(work_dir_open(&fixture->work_dir, fixture->folder, &error));
    assert_true(workspace_create(&fixture->workspace, &fixture->work_dir, "task", &error));
    fixture->loop = loop_create(&error);
    assert_true(ipc_peers_parse(NULL, geteuid(), &peers, &error));
    fixture->server = ipc_create(fixture->loop, SERVICE_STORED, fixture->folder, &peers, &error);
    assert_true(ipc_serve(fixture->server, ROLE_stored_runner, handlers, 1, fixture, &error));
    fixture->client = ipc_create(fixture->loop, SERVICE_RUNNERD, fixture->folder, &peers, &error);
    fixture->files = workspace_files_create(fixture->loop, &fixture->workspace);
    alarm(BLOCKED_AFTER_SECS); /* whatever blocks ends the test */
    *state = fixture;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    alarm(0);
    workspace_files_free(fixture->files);
    message_clear(&message_workspace_entries_type, &fixture->last);
    ipc_free(fixture->client);
    ipc_free(fixture->server);
    loop_free(fixture->loop);
    workspace_close(&fixture->workspace);
    work_dir_close(&fixture->work_dir);
    assert_int_equal(nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(fixture);
    return 0;
}

/* valgrind 3.19 does not know openat2; kernels do since 5.6. */
static void skip_without_openat2(void)
{
    if (syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) < 0 && errno == ENOSYS) {
        print_message("# reason: openat2 is not known here (valgrind 3.19)\n");
        skip();
    }
}

static void write_file(int folder_fd, const char *path, const char *text)
{
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void make_socket(const struct fixture *fixture, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/task/%s", fixture->folder, path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

/* One of each kind in outputs, and a secret that lies outside. The device is there only when root runs the
 * test. */
static void make_all_kinds(const struct fixture *fixture)
{
    int fd = fixture->workspace.fd;
    write_file(fixture->work_dir.fd, "secret", "secret");
    write_file(fd, "outputs/file", "content");
    assert_int_equal(mkdirat(fd, "outputs/folder", 0700), 0);
    write_file(fd, "outputs/folder/inner", "x");
    assert_int_equal(symlinkat("file", fd, "outputs/link"), 0);
    assert_int_equal(symlinkat("../../secret", fd, "outputs/link-out"), 0);
    assert_int_equal(symlinkat("folder", fd, "outputs/folder-link"), 0);
    assert_int_equal(symlinkat("nowhere", fd, "outputs/broken-link"), 0);
    assert_int_equal(mkfifoat(fd, "outputs/pipe", 0600), 0);
    make_socket(fixture, "outputs/socket");
    if (mknodat(fd, "outputs/device", S_IFCHR | 0600, makedev(1, 5)) != 0)
        print_message("# no device: %s\n", strerror(errno));
}

/* --- listings --- */

static struct folder_listing *begin(const struct fixture *fixture, const char *path, const char *after,
                                    size_t wanted)
{
    struct error error;
    struct folder_listing *listing = folder_listing_create(
        openat(fixture->workspace.fd, path, O_RDONLY | O_DIRECTORY), after, wanted, &error);
    assert_non_null(listing);
    return listing;
}

/* Steps of `entries` to the end; how many there were. */
static int read_all(struct folder_listing *listing, int entries, struct message_workspace_entries *found)
{
    struct error error;
    int steps = 1;
    while (folder_listing_step(listing, entries, &error) == FOLDER_LISTING_MORE)
        steps++;
    folder_listing_take(listing, found);
    folder_listing_free(listing);
    return steps;
}

static const struct message_workspace_entry *entry_at(const struct message_workspace_entries *found,
                                                      size_t index)
{
    assert_true(index < found->entries.count);
    return (const struct message_workspace_entry *)found->entries.items + index;
}

static void assert_entry(const struct message_workspace_entries *found, size_t index, const char *name,
                         const char *kind, int64_t size_bytes)
{
    assert_string_equal(entry_at(found, index)->name, name);
    assert_string_equal(entry_at(found, index)->kind, kind);
    assert_int_equal(entry_at(found, index)->size_bytes, size_bytes);
}

static void lists_regular_files_and_folders_alone(void **state)
{
    const struct fixture *fixture = *state;
    struct message_workspace_entries found;
    make_all_kinds(fixture);
    read_all(begin(fixture, "outputs", NULL, 10), 100, &found);
    assert_int_equal(found.entries.count, 2);
    assert_entry(&found, 0, "file", "file", 7);
    assert_entry(&found, 1, "folder", "folder", 0);
    assert_false(found.more);
    message_clear(&message_workspace_entries_type, &found);
}

static void sorts_names_by_their_bytes(void **state)
{
    const struct fixture *fixture = *state;
    struct message_workspace_entries found;
    static const char *const sorted[] = {" ", ".hidden", "B", "a", "a b", "a\n", "\xc3\xa4", "\xff"};
    const size_t count = sizeof sorted / sizeof sorted[0];
    static const size_t order[] = {3, 7, 0, 5, 1, 6, 2, 4};
    for (size_t i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "outputs/%s", sorted[order[i]]);
        write_file(fixture->workspace.fd, path, "");
    }
    read_all(begin(fixture, "outputs", NULL, 100), 100, &found);
    assert_int_equal(found.entries.count, count);
    for (size_t i = 0; i + 1 < count; i++)
        assert_true(strcmp(entry_at(&found, i)->name, entry_at(&found, i + 1)->name) < 0);
    assert_string_equal(entry_at(&found, 0)->name, " ");
    assert_string_equal(entry_at(&found, count - 1)->name, "\xff");
    message_clear(&message_workspace_entries_type, &found);
}

static void write_numbered(const struct fixture *fixture, int count)
{
    /* In an order that is none; 7919 is a prime. */
    for (int i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "outputs/n%06d", (int)((int64_t)i * 7919 % count));
        write_file(fixture->workspace.fd, path, "");
    }
}

/* Reads all answers, one after the other, and checks that each name comes once and in its turn. */
static void check_pages(const struct fixture *fixture, int count, size_t wanted)
{
    char after[32] = "";
    int seen = 0;
    bool more = true;
    while (more) {
        struct message_workspace_entries found;
        read_all(begin(fixture, "outputs", seen ? after : NULL, wanted), 1000, &found);
        assert_int_equal(found.entries.count,
                         (size_t)(count - seen) < wanted ? (size_t)(count - seen) : wanted);
        for (size_t i = 0; i < found.entries.count; i++) {
            snprintf(after, sizeof after, "n%06d", seen++);
            assert_string_equal(entry_at(&found, i)->name, after);
        }
        more = found.more;
        message_clear(&message_workspace_entries_type, &found);
    }
    assert_int_equal(seen, count);
}

static void goes_on_behind_the_last_name(void **state)
{
    const struct fixture *fixture = *state;
    write_numbered(fixture, 60);
    static const size_t wanted[] = {1, 2, 7, 20, 29, 30, 31, 59, 60, 61, 200};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        check_pages(fixture, 60, wanted[i]);
}

static void the_name_to_go_on_from_need_not_be_there(void **state)
{
    const struct fixture *fixture = *state;
    struct message_workspace_entries found;
    write_numbered(fixture, 3);
    read_all(begin(fixture, "outputs", "n000000-gone", 10), 100, &found);
    assert_int_equal(found.entries.count, 2);
    assert_string_equal(entry_at(&found, 0)->name, "n000001");
    message_clear(&message_workspace_entries_type, &found);
    read_all(begin(fixture, "outputs", "z", 10), 100, &found);
    assert_int_equal(found.entries.count, 0);
    assert_false(found.more);
    message_clear(&message_workspace_entries_type, &found);
}

static void reads_a_folder_of_thousands_in_small_steps(void **state)
{
    const struct fixture *fixture = *state;
    struct message_workspace_entries found;
    const int count = 5000;
    write_numbered(fixture, count);
    check_pages(fixture, count, 700);
    int steps = read_all(begin(fixture, "outputs", "n004990", 5), 100, &found);
    assert_true(steps >= count / 100); /* "." and ".." come too */
    assert_int_equal(found.entries.count, 5);
    assert_string_equal(entry_at(&found, 0)->name, "n004991");
    assert_true(found.more);
    message_clear(&message_workspace_entries_type, &found);
}

static void an_unfinished_listing_leaves_nothing(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    write_numbered(fixture, 10);
    struct folder_listing *listing = begin(fixture, "outputs", "n", 3);
    assert_int_equal(folder_listing_step(listing, 8, &error), FOLDER_LISTING_MORE);
    folder_listing_free(listing); /* sanitizer builds look for what was lost */
    folder_listing_free(NULL);
}

static void refuses_what_is_no_folder(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    write_file(fixture->workspace.fd, "outputs/file", "x");
    int fd = openat(fixture->workspace.fd, "outputs/file", O_RDONLY);
    assert_null(folder_listing_create(fd, NULL, 1, &error));
    assert_int_equal(fcntl(fd, F_GETFD), -1); /* it was taken all the same */
}

static void opens_no_folder_outside_the_workspace(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    skip_without_openat2();
    make_all_kinds(fixture);
    static const struct {
        const char *path;
        enum error_code code;
    } refused[] = {
        {"..", ERROR_INVALID},
        {"../task", ERROR_INVALID},
        {"outputs/..", ERROR_INVALID},
        {"outputs/../outputs", ERROR_INVALID},
        {"/", ERROR_INVALID},
        {"/tmp", ERROR_INVALID},
        {"outputs/folder-link", ERROR_INVALID},
        {"outputs/folder-link/", ERROR_INVALID},
        {"outputs/folder-link/.", ERROR_INVALID},
        {"outputs/file", ERROR_NOT_FOUND},
        {"outputs/pipe", ERROR_NOT_FOUND},
        {"outputs/socket", ERROR_NOT_FOUND},
        {"outputs/missing", ERROR_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(workspace_open_folder(&fixture->workspace, refused[i].path, &error), -1);
        if (error.code != refused[i].code)
            fail_msg("%s: %s (%s)", refused[i].path, error.text, error_code_name(error.code));
    }
    static const char *const opened[] = {NULL,         "", ".", "outputs", "./outputs/", "outputs/folder",
                                         "outputs/..."};
    assert_int_equal(mkdirat(fixture->workspace.fd, "outputs/...", 0700), 0);
    for (size_t i = 0; i < sizeof opened / sizeof opened[0]; i++) {
        int fd = workspace_open_folder(&fixture->workspace, opened[i], &error);
        assert_true(fd >= 0);
        close(fd);
    }
}

/* --- listings as they are asked for --- */

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct fixture *fixture = context;
    fixture->answers++;
    if (failure) {
        fixture->failures[failure->code]++;
        return;
    }
    message_clear(&message_workspace_entries_type, &fixture->last);
    message_copy(&message_workspace_entries_type, &fixture->last, answer);
}

static void turn_until(struct fixture *fixture, const int *counter, int wanted)
{
    struct error error;
    for (int i = 0; *counter < wanted && i < PATIENCE_TURNS; i++)
        assert_true(loop_turn(fixture->loop, 10, &error));
    assert_int_equal(*counter, wanted);
}

/* Asks so often for one folder; then all are handed on at once. */
static void list(struct fixture *fixture, char *path, int times)
{
    struct error error;
    struct ipc_client *client = ipc_client_create(fixture->client, ROLE_stored_runner, &error);
    struct message_workspace_list asked = {.path = path};
    secret_assign(&asked.task_key, "k", 1);
    for (int i = 0; i < times; i++)
        call_workspace_list(client, &asked, on_answer, fixture);
    secret_wipe(&asked.task_key);
    turn_until(fixture, &fixture->held_count, times);
    for (int i = 0; i < times; i++)
        workspace_files_list(fixture->files, fixture->asked[i], fixture->held[i]);
}

static void answers_with_what_is_in_a_folder(void **state)
{
    struct fixture *fixture = *state;
    skip_without_openat2();
    list(fixture, NULL, 2);
    turn_until(fixture, &fixture->answers, 2);
    assert_entry(&fixture->last, 0, "datasets", "folder", 0);
    assert_entry(&fixture->last, 1, "outputs", "folder", 0);
    assert_int_equal(fixture->last.entries.count, 2);
}

static void answers_at_most_a_thousand_entries(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "outputs";
    skip_without_openat2();
    write_numbered(fixture, LIMIT_ENTRIES_LISTED + 1);
    list(fixture, path, 1);
    turn_until(fixture, &fixture->answers, 1);
    assert_int_equal(fixture->last.entries.count, LIMIT_ENTRIES_LISTED);
    assert_true(fixture->last.more);
    assert_string_equal(entry_at(&fixture->last, LIMIT_ENTRIES_LISTED - 1)->name, "n000999");
}

static void says_why_a_folder_cannot_be_listed_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "../";
    list(fixture, path, 3);
    turn_until(fixture, &fixture->answers, 3);
    assert_int_equal(fixture->failures[ERROR_INVALID], 3);
}

static void refuses_more_listings_than_may_wait(void **state)
{
    struct fixture *fixture = *state;
    skip_without_openat2();
    list(fixture, NULL, WORKSPACE_LISTS_MAX + 1);
    turn_until(fixture, &fixture->answers, WORKSPACE_LISTS_MAX + 1);
    assert_int_equal(fixture->failures[ERROR_UNAVAILABLE], 1);
    assert_int_equal(fixture->last.entries.count, 2);
    /* They make room for others. */
    fixture->held_count = 0;
    list(fixture, NULL, 1);
    turn_until(fixture, &fixture->answers, WORKSPACE_LISTS_MAX + 2);
    assert_int_equal(fixture->failures[ERROR_UNAVAILABLE], 1);
}

static void a_cancelled_session_answers_who_waits(void **state)
{
    struct fixture *fixture = *state;
    struct error reason;
    char path[] = "outputs";
    skip_without_openat2();
    write_numbered(fixture, 2000);
    list(fixture, path, 3);
    assert_true(loop_turn(fixture->loop, 0, &reason)); /* the first one is being read */
    error_set(&reason, ERROR_CANCELLED, "cancelled");
    workspace_files_cancel(fixture->files, &reason);
    turn_until(fixture, &fixture->answers, 3);
    assert_int_equal(fixture->failures[ERROR_CANCELLED], 3);
}

static void a_dropped_session_forgets_who_waits(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    char path[] = "outputs";
    skip_without_openat2();
    write_numbered(fixture, 2000);
    list(fixture, path, 3);
    assert_true(loop_turn(fixture->loop, 0, &error));
    workspace_files_free(fixture->files);
    fixture->files = NULL;
    for (int i = 0; i < 10; i++)
        assert_true(loop_turn(fixture->loop, 1, &error));
    assert_int_equal(fixture->answers, 0);
}

/* --- pieces of files --- */

static bool read_piece(const struct fixture *fixture, const char *path, int64_t offset_bytes,
                       int64_t limit_bytes, struct message_file_bytes *answer, struct error *error)
{
    char *copy = memory_copy_text(path);
    const struct message_file_read asked = {
        .path = copy, .offset_bytes = offset_bytes, .limit_bytes = limit_bytes};
    memset(error, 0, sizeof *error);
    bool ok = workspace_files_read(&fixture->workspace, &asked, answer, error);
    free(copy);
    return ok;
}

static void assert_piece(const struct fixture *fixture, int64_t offset_bytes, int64_t limit_bytes,
                         const char *expected)
{
    struct error error;
    struct message_file_bytes answer;
    assert_true(read_piece(fixture, "outputs/file", offset_bytes, limit_bytes, &answer, &error));
    assert_int_equal(answer.size_bytes, 10);
    assert_int_equal(answer.bytes.length, strlen(expected));
    if (*expected)
        assert_memory_equal(answer.bytes.bytes, expected, strlen(expected));
    message_clear(&message_file_bytes_type, &answer);
}

static void reads_the_piece_that_is_asked_for(void **state)
{
    const struct fixture *fixture = *state;
    skip_without_openat2();
    write_file(fixture->workspace.fd, "outputs/file", "0123456789");
    assert_piece(fixture, 0, 10, "0123456789");
    assert_piece(fixture, 0, LIMIT_INLINE_BYTES, "0123456789");
    assert_piece(fixture, 3, 4, "3456");
    assert_piece(fixture, 9, 100, "9");
    assert_piece(fixture, 0, 0, "");
}

static void there_is_nothing_behind_the_end(void **state)
{
    const struct fixture *fixture = *state;
    skip_without_openat2();
    write_file(fixture->workspace.fd, "outputs/file", "0123456789");
    assert_piece(fixture, 10, 1, "");
    assert_piece(fixture, 11, LIMIT_INLINE_BYTES, "");
    assert_piece(fixture, INT64_MAX, LIMIT_INLINE_BYTES, "");
}

static void refuses_pieces_that_are_none(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct message_file_bytes answer;
    write_file(fixture->workspace.fd, "outputs/file", "0123456789");
    assert_false(read_piece(fixture, "outputs/file", -1, 1, &answer, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_string_equal(error.text, "offset_bytes must not be negative, got -1");
    assert_false(read_piece(fixture, "outputs/file", INT64_MIN, 1, &answer, &error));
    assert_int_equal(error.code, ERROR_INVALID);
    assert_false(read_piece(fixture, "outputs/file", 0, -1, &answer, &error));
    assert_string_equal(error.text, "limit_bytes must not be negative, got -1");
    assert_false(read_piece(fixture, "outputs/file", 0, LIMIT_INLINE_BYTES + 1, &answer, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.text, "limit_bytes is 65537, the limit is 65536");
}

static void reads_nothing_but_regular_files_of_the_workspace(void **state)
{
    const struct fixture *fixture = *state;
    skip_without_openat2();
    make_all_kinds(fixture);
    static const struct {
        const char *path;
        enum error_code code;
    } refused[] = {
        {"../secret", ERROR_INVALID},
        {"outputs/../../secret", ERROR_INVALID},
        {"outputs/../outputs/file", ERROR_INVALID},
        {"..", ERROR_INVALID},
        {"/etc/passwd", ERROR_INVALID},
        {"outputs/link", ERROR_INVALID},
        {"outputs/link-out", ERROR_INVALID},
        {"outputs/broken-link", ERROR_INVALID},
        {"outputs/folder-link/inner", ERROR_INVALID},
        {"outputs/folder", ERROR_INVALID},
        {"outputs/pipe", ERROR_INVALID}, /* which nobody writes: it would block */
        {"outputs/socket", ERROR_INVALID},
        {"outputs/file/", ERROR_NOT_FOUND},
        {"outputs/missing", ERROR_NOT_FOUND},
        {"", ERROR_NOT_FOUND},
    };
    struct error error;
    struct message_file_bytes answer;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(read_piece(fixture, refused[i].path, 0, 10, &answer, &error));
        if (error.code != refused[i].code)
            fail_msg("%s: %s (%s)", refused[i].path, error.text, error_code_name(error.code));
    }
    if (faccessat(fixture->workspace.fd, "outputs/device", F_OK, 0) != 0)
        return;
    assert_false(read_piece(fixture, "outputs/device", 0, 10, &answer, &error));
    assert_string_equal(error.text, "outputs/device in the workspace is not a regular file");
}

static int lowest_free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    int number = fd;
    close(fd);
    return number;
}

static void what_was_read_or_refused_leaves_no_descriptor(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct message_file_bytes answer;
    struct message_workspace_entries found;
    skip_without_openat2();
    make_all_kinds(fixture);
    int before = lowest_free_descriptor();
    assert_true(read_piece(fixture, "outputs/file", 0, 10, &answer, &error));
    message_clear(&message_file_bytes_type, &answer);
    assert_false(read_piece(fixture, "outputs/pipe", 0, 10, &answer, &error));
    assert_false(read_piece(fixture, "outputs/folder", 0, 10, &answer, &error));
    read_all(begin(fixture, "outputs", NULL, 1), 1, &found);
    message_clear(&message_workspace_entries_type, &found);
    assert_int_equal(lowest_free_descriptor(), before);
}

static void reads_below_many_folders(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct message_file_bytes answer;
    char path[LIMIT_PATH_BYTES + 1] = "outputs";
    size_t length = strlen(path);
    skip_without_openat2();
    for (int i = 0; i < 500; i++) {
        length += (size_t)snprintf(path + length, sizeof path - length, "/d");
        assert_int_equal(mkdirat(fixture->workspace.fd, path, 0700), 0);
    }
    snprintf(path + length, sizeof path - length, "/file");
    write_file(fixture->workspace.fd, path, "deep");
    assert_true(read_piece(fixture, path, 0, 10, &answer, &error));
    assert_int_equal(answer.bytes.length, 4);
    message_clear(&message_file_bytes_type, &answer);
}

/* -1 where there are no leases. */
static int open_with_a_lease(int folder_fd, const char *path)
{
    int fd = openat(folder_fd, path, O_RDWR);
    signal(SIGIO, SIG_IGN);
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
        return fd;
    print_message("# reason: no leases here: %s\n", strerror(errno));
    close(fd);
    return -1;
}

/* An open() that breaks somebody's lease waits for it, 45 s by default. */
static void a_lease_on_a_file_stops_nobody(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct message_file_bytes answer;
    skip_without_openat2();
    write_file(fixture->workspace.fd, "outputs/file", "0123456789");
    int fd = open_with_a_lease(fixture->workspace.fd, "outputs/file");
    if (fd < 0)
        skip();
    assert_false(read_piece(fixture, "outputs/file", 0, 10, &answer, &error));
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    close(fd);
    assert_piece(fixture, 0, 2, "01");
}

/* --- a job that changes paths while they are used --- */

struct swapper {
    int fd;
    atomic_bool stop;
    long swaps;
};

/* "outputs/way" is by turns a folder and a link that leads out. */
static void *swap(void *opaque)
{
    struct swapper *swapper = opaque;
    while (!atomic_load(&swapper->stop)) {
        if (renameat2(swapper->fd, "outputs/way", swapper->fd, "outputs/other", RENAME_EXCHANGE) != 0)
            break;
        swapper->swaps++;
    }
    return NULL;
}

static void a_path_that_changes_meanwhile_never_leads_out(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct message_file_bytes answer;
    struct swapper swapper = {.fd = fixture->workspace.fd};
    pthread_t thread;
    int inside = 0;
    int refused = 0;
    skip_without_openat2();
    assert_int_equal(mkdirat(fixture->work_dir.fd, "outside", 0700), 0);
    write_file(fixture->work_dir.fd, "outside/file", "secret");
    assert_int_equal(mkdirat(swapper.fd, "outputs/way", 0700), 0);
    write_file(swapper.fd, "outputs/way/file", "inside");
    assert_int_equal(symlinkat("../../outside", swapper.fd, "outputs/other"), 0);
    assert_int_equal(pthread_create(&thread, NULL, swap, &swapper), 0);
    for (int i = 0; i < RACES; i++) {
        if (!read_piece(fixture, "outputs/way/file", 0, 10, &answer, &error)) {
            refused++;
            continue;
        }
        assert_memory_equal(answer.bytes.bytes, "inside", answer.bytes.length);
        message_clear(&message_file_bytes_type, &answer);
        inside++;
    }
    atomic_store(&swapper.stop, true);
    pthread_join(thread, NULL);
    assert_true(swapper.swaps > 0);
    assert_true(inside > 0);
    assert_true(refused > 0);
}

/* --- bytes to store --- */

static void kept_bytes_have_no_name(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    char got[16];
    struct message_workspace_entries found;
    int fd = workspace_keep_bytes(&fixture->workspace, "0\0\xff", 3, &error);
    int empty_fd = workspace_keep_bytes(&fixture->workspace, NULL, 0, &error);
    assert_true(fd >= 0 && empty_fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(pread(fd, got, sizeof got, 0), 3);
    assert_memory_equal(got, "0\0\xff", 3);
    assert_int_equal(pread(empty_fd, got, sizeof got, 0), 0);
    close(fd);
    close(empty_fd);
    struct folder_listing *listing =
        folder_listing_create(dup(fixture->workspace.incoming_fd), NULL, 10, &error);
    read_all(listing, 100, &found);
    assert_int_equal(found.entries.count, 0);
    message_clear(&message_workspace_entries_type, &found);
}

/* Between making the file and taking its name away a crash can leave it. */
static void what_a_crash_left_is_in_nobodys_way(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    write_file(fixture->workspace.incoming_fd, "bytes", "left by a crash");
    int fd = workspace_keep_bytes(&fixture->workspace, "new", 3, &error);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(status.st_nlink, 0);
    close(fd);
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORKSPACE(lists_regular_files_and_folders_alone),
        WITH_WORKSPACE(sorts_names_by_their_bytes),
        WITH_WORKSPACE(goes_on_behind_the_last_name),
        WITH_WORKSPACE(the_name_to_go_on_from_need_not_be_there),
        WITH_WORKSPACE(reads_a_folder_of_thousands_in_small_steps),
        WITH_WORKSPACE(an_unfinished_listing_leaves_nothing),
        WITH_WORKSPACE(refuses_what_is_no_folder),
        WITH_WORKSPACE(opens_no_folder_outside_the_workspace),
        WITH_WORKSPACE(answers_with_what_is_in_a_folder),
        WITH_WORKSPACE(answers_at_most_a_thousand_entries),
        WITH_WORKSPACE(says_why_a_folder_cannot_be_listed_and_goes_on),
        WITH_WORKSPACE(refuses_more_listings_than_may_wait),
        WITH_WORKSPACE(a_cancelled_session_answers_who_waits),
        WITH_WORKSPACE(a_dropped_session_forgets_who_waits),
        WITH_WORKSPACE(reads_the_piece_that_is_asked_for),
        WITH_WORKSPACE(there_is_nothing_behind_the_end),
        WITH_WORKSPACE(refuses_pieces_that_are_none),
        WITH_WORKSPACE(reads_nothing_but_regular_files_of_the_workspace),
        WITH_WORKSPACE(what_was_read_or_refused_leaves_no_descriptor),
        WITH_WORKSPACE(reads_below_many_folders),
        WITH_WORKSPACE(a_lease_on_a_file_stops_nobody),
        WITH_WORKSPACE(a_path_that_changes_meanwhile_never_leads_out),
        WITH_WORKSPACE(kept_bytes_have_no_name),
        WITH_WORKSPACE(what_a_crash_left_is_in_nobodys_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
