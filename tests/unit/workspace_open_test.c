/* services/stored/workspace/workspace.h: the files that a job names, and bytes without a name. */
#include "libcommon/base/limits.h"
#include "tests/unit/workspace_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

enum { BLOCKED_AFTER_SECS = 60, RACES = 50000 };

/* --- what the tests stand on --- */

static int set_up_with_alarm(void **state)
{
    alarm(BLOCKED_AFTER_SECS); /* whatever blocks ends the test */
    return set_up(state);
}

static int tear_down_with_alarm(void **state)
{
    alarm(0);
    return tear_down(state);
}

/* valgrind 3.19 does not know openat2; kernels do since 5.6. */
static void skip_without_openat2(void)
{
    if (syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0) < 0 && errno == ENOSYS) {
        print_message("# reason: openat2 is not known here (valgrind 3.19)\n");
        skip();
    }
}

static void make_socket(const struct fixture *fixture, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/" TASK "/%s", fixture->folder, path);
    assert_in_range(length, 1, sizeof address.sun_path - 1);
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

static void assert_opens(const struct fixture *fixture, const char *path, const char *expected)
{
    struct error error;
    char got[16];
    int fd = workspace_open_file(&fixture->workspace, path, &error);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got), strlen(expected));
    assert_memory_equal(got, expected, strlen(expected));
    close(fd);
}

/* --- files that a job names --- */

static void opens_nothing_but_regular_files_of_the_workspace(void **state)
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
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(workspace_open_file(&fixture->workspace, refused[i].path, &error), -1);
        if (error.code != refused[i].code)
            fail_msg("%s: %s (%s)", refused[i].path, error.text, error_code_name(error.code));
    }
    if (faccessat(fixture->workspace.fd, "outputs/device", F_OK, 0) != 0)
        return;
    assert_int_equal(workspace_open_file(&fixture->workspace, "outputs/device", &error), -1);
    assert_string_equal(error.text, "outputs/device in the workspace is not a regular file");
}

static void opens_nothing_outside_the_workspace(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    skip_without_openat2();
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

static int lowest_free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    int number = fd;
    close(fd);
    return number;
}

static void what_was_refused_leaves_no_descriptor(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    skip_without_openat2();
    make_all_kinds(fixture);
    int before = lowest_free_descriptor();
    assert_int_equal(workspace_open_file(&fixture->workspace, "outputs/pipe", &error), -1);
    assert_int_equal(workspace_open_file(&fixture->workspace, "outputs/folder", &error), -1);
    assert_int_equal(lowest_free_descriptor(), before);
}

static void opens_below_many_folders(void **state)
{
    const struct fixture *fixture = *state;
    char path[LIMIT_PATH_BYTES + 1] = "outputs";
    size_t length = strlen(path);
    skip_without_openat2();
    for (int i = 0; i < 500; i++) {
        length += (size_t)snprintf(path + length, sizeof path - length, "/d");
        assert_int_equal(mkdirat(fixture->workspace.fd, path, 0700), 0);
    }
    snprintf(path + length, sizeof path - length, "/file");
    write_file(fixture->workspace.fd, path, "deep");
    assert_opens(fixture, path, "deep");
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
    skip_without_openat2();
    write_file(fixture->workspace.fd, "outputs/file", "0123456789");
    int fd = open_with_a_lease(fixture->workspace.fd, "outputs/file");
    if (fd < 0)
        skip();
    assert_int_equal(workspace_open_file(&fixture->workspace, "outputs/file", &error), -1);
    assert_int_equal(error.code, ERROR_UNAVAILABLE);
    close(fd);
    assert_opens(fixture, "outputs/file", "0123456789");
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
    char got[16];
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
        int fd = workspace_open_file(&fixture->workspace, "outputs/way/file", &error);
        if (fd < 0) {
            refused++;
            continue;
        }
        assert_int_equal(read(fd, got, sizeof got), strlen("inside"));
        assert_memory_equal(got, "inside", strlen("inside"));
        close(fd);
        inside++;
    }
    atomic_store(&swapper.stop, true);
    pthread_join(thread, NULL);
    assert_true(swapper.swaps > 0);
    assert_true(inside > 0);
    assert_true(refused > 0);
}

/* --- bytes to store --- */

static int count_entries(int folder_fd)
{
    int count = 0;
    DIR *stream = fdopendir(openat(folder_fd, ".", O_RDONLY | O_DIRECTORY));
    assert_non_null(stream);
    for (const struct dirent *entry = readdir(stream); entry; entry = readdir(stream))
        count += entry->d_name[0] != '.';
    closedir(stream);
    return count;
}

static void spooled_bytes_have_no_name(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    char got[16];
    int fd = workspace_spool_bytes(&fixture->workspace, "0\0\xff", 3, &error);
    int empty_fd = workspace_spool_bytes(&fixture->workspace, NULL, 0, &error);
    assert_true(fd >= 0 && empty_fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(pread(fd, got, sizeof got, 0), 3);
    assert_memory_equal(got, "0\0\xff", 3);
    assert_int_equal(pread(empty_fd, got, sizeof got, 0), 0);
    close(fd);
    close(empty_fd);
    assert_int_equal(count_entries(fixture->workspace.incoming_fd), 0);
}

/* Between making the file and taking its name away a crash can leave it. */
static void what_a_crash_left_is_in_nobodys_way(void **state)
{
    const struct fixture *fixture = *state;
    struct error error;
    struct stat status;
    write_file(fixture->workspace.incoming_fd, "bytes", "left by a crash");
    int fd = workspace_spool_bytes(&fixture->workspace, "new", 3, &error);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(status.st_nlink, 0);
    close(fd);
}

#define WITH_ALARM(test) cmocka_unit_test_setup_teardown(test, set_up_with_alarm, tear_down_with_alarm)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ALARM(opens_nothing_but_regular_files_of_the_workspace),
        WITH_ALARM(opens_nothing_outside_the_workspace),
        WITH_ALARM(what_was_refused_leaves_no_descriptor),
        WITH_ALARM(opens_below_many_folders),
        WITH_ALARM(a_lease_on_a_file_stops_nobody),
        WITH_ALARM(a_path_that_changes_meanwhile_never_leads_out),
        WITH_ALARM(spooled_bytes_have_no_name),
        WITH_ALARM(what_a_crash_left_is_in_nobodys_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
