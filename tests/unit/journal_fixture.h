/* A journal in a folder of its own, for the tests of what it keeps. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include "libcommon/base/memory.h"
#include "services/stored/journal/journal.h"
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

#define BOOT "0b1d7d5c-0000-4000-8000-000000000001"
#define TASK "task-1"

struct fixture {
    char folder[TEMPORARY_FOLDER_BYTES];
    struct journal *journal;
};

static void open_again(struct fixture *fixture, const char *boot_id)
{
    struct error error;
    journal_close(fixture->journal);
    fixture->journal = journal_open(fixture->folder, boot_id, &error);
    assert_non_null(fixture->journal);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    temporary_folder_make(fixture->folder, "journal");
    open_again(fixture, BOOT);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    journal_close(fixture->journal);
    temporary_folder_remove(fixture->folder);
    free(fixture);
    return 0;
}

static void open_session(const struct fixture *fixture, const char *task_id, const char *token)
{
    struct message_session_open opened = {.task_id = memory_copy_text(task_id),
                                          .domain_id = memory_copy_text("d1"),
                                          .server_url = memory_copy_text("https://domain.example"),
                                          .owner = memory_copy_text("start-1")};
    secret_assign(&opened.task_key, "the key", 7);
    secret_assign(&opened.access_token, token, strlen(token));
    journal_session_opened(fixture->journal, &opened);
    message_clear(&message_session_open_type, &opened);
}

static const struct file_fingerprint file_fingerprint_of_test = {7, UINT64_MAX, 12345678901,
                                                                 1700000000123456789, 1700000000123456790};

#define WITH_JOURNAL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
