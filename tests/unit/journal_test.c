#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/mman.h>

#define OTHER_BOOT "0b1d7d5c-0000-4000-8000-000000000002"
#define PATH "a/b.ply"

static char *file_of(const struct fixture *fixture)
{
    return memory_format("%s/stored/journal.sqlite", fixture->folder);
}

static struct journal_upload_key key_of(const struct fixture *fixture)
{
    return (struct journal_upload_key){fixture->journal, TASK, PATH};
}

static void begin_upload(const struct fixture *fixture, const char *upload_id)
{
    char name[] = "name";
    char data_type[] = "ply";
    char *id = memory_copy_text(upload_id);
    const struct journal_upload_key key = key_of(fixture);
    const struct journal_upload upload = {.name = name,
                                          .data_type = data_type,
                                          .upload_id = id,
                                          .part_bytes = 8,
                                          .file = file_fingerprint_of_test};
    journal_upload_began(&key, &upload);
    free(id);
}

/* --- what is read back --- */

struct seen {
    int count;
    bool had_token;
    bool cancelled;
    char task_id[64];
    char text[64];
    struct file_fingerprint file;
};

static void see_session(void *context, const struct journal_record *record)
{
    struct seen *seen = context;
    const struct message_session_open *opened = record->message;
    seen->count++;
    seen->had_token = record->had_token;
    seen->cancelled = record->cancelled;
    assert_int_equal(opened->access_token.length, 0);
    assert_int_equal(opened->task_key.length, 7);
    snprintf(seen->task_id, sizeof seen->task_id, "%s", opened->task_id);
    snprintf(seen->text, sizeof seen->text, "%s", opened->owner);
}

static struct seen see_sessions(const struct fixture *fixture)
{
    struct seen seen = {0};
    journal_visit_records(fixture->journal, JOURNAL_SESSIONS, NULL, see_session, &seen);
    return seen;
}

/* Whether the text is in the journal's file of this ending. */
static bool is_written(const struct fixture *fixture, const char *ending, const char *text)
{
    enum { FILE_BYTES_MAX = 1 << 20 };
    char *path = memory_format("%s/stored/journal.sqlite%s", fixture->folder, ending);
    char *bytes = memory_allocate(FILE_BYTES_MAX);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(bytes, 1, FILE_BYTES_MAX, file) : 0;
    bool found = memmem(bytes, length, text, strlen(text)) != NULL;
    if (file)
        fclose(file);
    free(bytes);
    free(path);
    return found;
}

static void a_session_is_known_again_without_its_token(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, TASK, "secret-domain-token");
    open_again(fixture, BOOT);
    struct seen seen = see_sessions(fixture);
    assert_int_equal(seen.count, 1);
    assert_true(seen.had_token);
    assert_false(seen.cancelled);
    assert_string_equal(seen.task_id, TASK);
    assert_string_equal(seen.text, "start-1");
    assert_false(is_written(fixture, "", "secret-domain-token"));
    assert_false(is_written(fixture, "-wal", "secret-domain-token"));
    assert_true(is_written(fixture, "", "the key") || is_written(fixture, "-wal", "the key"));
}

static void a_session_without_a_token_is_told_from_one_with(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, TASK, "");
    assert_false(see_sessions(fixture).had_token);
}

static void a_cancelled_session_stays_cancelled_and_a_closed_one_is_gone(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, TASK, "t");
    open_session(fixture, "task-2", "t");
    journal_session_closed(fixture->journal, "task-2");
    journal_session_cancelled(fixture->journal, TASK);
    open_again(fixture, BOOT);
    struct seen seen = see_sessions(fixture);
    assert_int_equal(seen.count, 1);
    assert_true(seen.cancelled);
}

static void another_boot_knows_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct journal_upload upload;
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u1");
    open_again(fixture, OTHER_BOOT);
    const struct journal_upload_key key = key_of(fixture);
    assert_int_equal(see_sessions(fixture).count, 0);
    assert_false(journal_upload_find(&key, &upload));
}

static void the_client_id_stays_for_the_boot(void **state)
{
    struct fixture *fixture = *state;
    free(journal_keep_client_id(fixture->journal, "first"));
    open_again(fixture, BOOT);
    char *kept = journal_keep_client_id(fixture->journal, "second");
    assert_string_equal(kept, "first");
    free(kept);
    open_again(fixture, OTHER_BOOT);
    kept = journal_keep_client_id(fixture->journal, "third");
    assert_string_equal(kept, "third");
    free(kept);
}

/* --- inputs and artifacts --- */

static void see_input(void *context, const struct journal_record *record)
{
    struct seen *seen = context;
    const struct message_input *input = record->message;
    seen->count += 1 + (int)input->related_files.count;
    snprintf(seen->text, sizeof seen->text, "%s", input->path);
}

static void inputs_come_back_with_their_related_files(void **state)
{
    struct fixture *fixture = *state;
    struct message_input input = {.cid = memory_copy_text("cid-1"),
                                  .path = memory_copy_text("datasets/a/a.ply")};
    struct seen seen = {0};
    text_list_add(&input.related_files, "datasets/a/b.ply");
    open_session(fixture, TASK, "t");
    journal_input_placed(fixture->journal, TASK, &input);
    message_clear(&message_input_type, &input);
    open_again(fixture, BOOT);
    journal_visit_records(fixture->journal, JOURNAL_INPUTS, TASK, see_input, &seen);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.text, "datasets/a/a.ply");
}

static void cids_come_back_in_their_order_until_they_are_there_or_have_failed(void **state)
{
    struct fixture *fixture = *state;
    struct text_list cids = {0};
    char cid[] = "b";
    char path[] = "datasets/b/b.ply";
    const struct message_input placed = {.cid = cid, .path = path};
    open_session(fixture, TASK, "");
    journal_input_asked(fixture->journal, TASK, "c");
    journal_input_asked(fixture->journal, TASK, "b");
    journal_input_asked(fixture->journal, TASK, "d");
    journal_input_asked(fixture->journal, TASK, "a");
    journal_input_placed(fixture->journal, TASK, &placed);
    journal_input_failed(fixture->journal, TASK, "d");
    open_again(fixture, BOOT);
    journal_inputs_asked(fixture->journal, TASK, &cids);
    assert_int_equal(cids.count, 2);
    assert_string_equal(cids.items[0], "c");
    assert_string_equal(cids.items[1], "a");
    text_list_clear(&cids);
    journal_session_closed(fixture->journal, TASK);
    open_session(fixture, TASK, "");
    journal_inputs_asked(fixture->journal, TASK, &cids);
    assert_int_equal(cids.count, 0);
}

static void see_artifact(void *context, const struct journal_record *record)
{
    struct seen *seen = context;
    const struct message_artifact *artifact = record->message;
    seen->count++;
    seen->file = record->file;
    snprintf(seen->text, sizeof seen->text, "%s", artifact->id);
}

static void a_stored_artifact_ends_its_upload(void **state)
{
    struct fixture *fixture = *state;
    struct message_artifact artifact = {.logical_path = memory_copy_text(PATH),
                                        .name = memory_copy_text("name"),
                                        .data_type = memory_copy_text("ply"),
                                        .id = memory_copy_text("id-1")};
    struct journal_upload upload;
    struct seen seen = {0};
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u1");
    journal_artifact_stored(fixture->journal, TASK, &artifact, &file_fingerprint_of_test);
    message_clear(&message_artifact_type, &artifact);
    open_again(fixture, BOOT);
    journal_visit_records(fixture->journal, JOURNAL_ARTIFACTS, TASK, see_artifact, &seen);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.text, "id-1");
    assert_true(file_fingerprint_is_identical(&seen.file, &file_fingerprint_of_test));
    const struct journal_upload_key key = key_of(fixture);
    assert_false(journal_upload_find(&key, &upload));
}

/* Its one warning says that it cannot be written. */
static void one_that_can_be_written_warns_of_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct message_artifact artifact = {.logical_path = memory_copy_text(PATH),
                                        .name = memory_copy_text("name"),
                                        .data_type = memory_copy_text("ply"),
                                        .id = memory_copy_text("id-1")};
    int kept = dup(STDERR_FILENO);
    int fd = memfd_create("log", MFD_CLOEXEC);
    dup2(fd, STDERR_FILENO);
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u1");
    journal_artifact_stored(fixture->journal, TASK, &artifact, &file_fingerprint_of_test);
    journal_session_closed(fixture->journal, TASK);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    message_clear(&message_artifact_type, &artifact);
}

/* --- uploads --- */

static void an_upload_comes_back_with_its_parts(void **state)
{
    struct fixture *fixture = *state;
    struct journal_upload upload;
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u/1 \"x\"");
    for (size_t number = 1; number <= 5; number += 2) {
        char etag[16];
        snprintf(etag, sizeof etag, "\"e%zu\"", number);
        const struct journal_upload_key key = key_of(fixture);
        journal_part_stored(&key, number, etag);
    }
    open_again(fixture, BOOT);
    const struct journal_upload_key key = key_of(fixture);
    assert_true(journal_upload_find(&key, &upload));
    assert_string_equal(upload.upload_id, "u/1 \"x\"");
    assert_string_equal(upload.name, "name");
    assert_string_equal(upload.data_type, "ply");
    assert_null(upload.existing_id);
    assert_int_equal(upload.part_bytes, 8);
    assert_false(upload.completing);
    assert_true(file_fingerprint_is_identical(&upload.file, &file_fingerprint_of_test));
    assert_int_equal(upload.part_count, 3);
    assert_int_equal(upload.parts[2].number, 5);
    assert_string_equal(upload.parts[2].etag, "\"e5\"");
    journal_upload_clear(&upload);
    assert_null(upload.upload_id);
    assert_int_equal(upload.part_count, 0);
}

static void a_new_upload_of_the_same_artifact_has_no_parts_of_the_first(void **state)
{
    struct fixture *fixture = *state;
    const struct journal_upload_key key = key_of(fixture);
    struct journal_upload upload;
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u1");
    journal_part_stored(&key, 1, "e1");
    journal_upload_completing(&key);
    begin_upload(fixture, "u2");
    assert_true(journal_upload_find(&key, &upload));
    assert_string_equal(upload.upload_id, "u2");
    assert_int_equal(upload.part_count, 0);
    assert_false(upload.completing);
    journal_upload_clear(&upload);
    journal_upload_ended(&key);
    assert_false(journal_upload_find(&key, &upload));
}

static void that_completion_was_asked_for_is_remembered(void **state)
{
    struct fixture *fixture = *state;
    struct journal_upload upload;
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u1");
    const struct journal_upload_key before = key_of(fixture);
    journal_upload_completing(&before);
    open_again(fixture, BOOT);
    const struct journal_upload_key key = key_of(fixture);
    assert_true(journal_upload_find(&key, &upload));
    assert_true(upload.completing);
    journal_upload_clear(&upload);
}

static void what_belongs_to_no_session_is_not_kept_and_harms_nothing(void **state)
{
    struct fixture *fixture = *state;
    const struct journal_upload_key key = key_of(fixture);
    struct journal_upload upload;
    begin_upload(fixture, "u1");
    journal_part_stored(&key, 1, "e1");
    assert_false(journal_upload_find(&key, &upload));
    open_session(fixture, TASK, "t");
    begin_upload(fixture, "u2");
    assert_true(journal_upload_find(&key, &upload));
    journal_upload_clear(&upload);
}

/* --- the file --- */

static void only_its_owner_can_read_it(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char *path = file_of(fixture);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    free(path);
}

static void one_process_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    open_session(fixture, TASK, "t");
    assert_null(journal_open(fixture->folder, BOOT, &error));
    assert_int_equal(error.code, ERROR_CONFLICT);
}

static void one_of_a_newer_version_is_refused_and_kept(void **state)
{
    struct fixture *fixture = *state;
    struct error error;
    sqlite3 *database = NULL;
    char *path = file_of(fixture);
    journal_close(fixture->journal);
    fixture->journal = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA user_version=99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_null(journal_open(fixture->folder, BOOT, &error));
    assert_int_equal(error.code, ERROR_CONFLICT);
    assert_non_null(strstr(error.text, "newer version"));
    assert_int_equal(access(path, F_OK), 0);
    free(path);
}

static void a_damaged_one_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    char *path = file_of(fixture);
    journal_close(fixture->journal);
    fixture->journal = NULL;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database. ", file);
    fclose(file);
    free(path);
    open_again(fixture, BOOT);
    open_session(fixture, TASK, "t");
    assert_int_equal(see_sessions(fixture).count, 1);
    /* On the disk again, and not in memory alone. */
    open_again(fixture, BOOT);
    assert_int_equal(see_sessions(fixture).count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(a_session_is_known_again_without_its_token),
        WITH_JOURNAL(a_session_without_a_token_is_told_from_one_with),
        WITH_JOURNAL(a_cancelled_session_stays_cancelled_and_a_closed_one_is_gone),
        WITH_JOURNAL(another_boot_knows_nothing),
        WITH_JOURNAL(the_client_id_stays_for_the_boot),
        WITH_JOURNAL(inputs_come_back_with_their_related_files),
        WITH_JOURNAL(cids_come_back_in_their_order_until_they_are_there_or_have_failed),
        WITH_JOURNAL(a_stored_artifact_ends_its_upload),
        WITH_JOURNAL(one_that_can_be_written_warns_of_nothing),
        WITH_JOURNAL(an_upload_comes_back_with_its_parts),
        WITH_JOURNAL(a_new_upload_of_the_same_artifact_has_no_parts_of_the_first),
        WITH_JOURNAL(that_completion_was_asked_for_is_remembered),
        WITH_JOURNAL(what_belongs_to_no_session_is_not_kept_and_harms_nothing),
        WITH_JOURNAL(only_its_owner_can_read_it),
        WITH_JOURNAL(one_process_has_it),
        WITH_JOURNAL(one_of_a_newer_version_is_refused_and_kept),
        WITH_JOURNAL(a_damaged_one_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
