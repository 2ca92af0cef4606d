/* The workspace of one task in a folder of the test's own. Included by one file of each test program. */
#ifndef TESTS_UNIT_WORKSPACE_FIXTURE_H
#define TESTS_UNIT_WORKSPACE_FIXTURE_H

#include "libcommon/base/memory.h"
#include "services/stored/workspace/workspace.h"
#include "tests/unit/temporary_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TASK "0b0e0a52-6d3c-4f7b-9f5e-0d6f0f2b7c11"

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct work_dir work_dir;
    struct workspace workspace;
};

static inline int set_up(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct error error;
    temporary_folder_make(fixture->folder, "workspace");
    assert_true(work_dir_open(&fixture->work_dir, fixture->folder, &error));
    assert_true(workspace_create(&fixture->workspace, &fixture->work_dir, TASK, &error));
    *state = fixture;
    return 0;
}

static inline int tear_down(void **state)
{
    struct fixture *fixture = *state;
    workspace_close(&fixture->workspace);
    work_dir_close(&fixture->work_dir);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static inline void write_file(int folder_fd, const char *path, const char *text)
{
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static inline mode_t mode_of(int folder_fd, const char *path)
{
    struct stat status;
    assert_int_equal(fstatat(folder_fd, path, &status, AT_SYMLINK_NOFOLLOW), 0);
    return status.st_mode & 07777;
}

static inline bool exists(int folder_fd, const char *path)
{
    return faccessat(folder_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#define WITH_WORKSPACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
