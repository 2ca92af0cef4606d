/* services/stored/journal/journal.h with several tasks and artifacts: what is said of one changes no other */
#include "tests/unit/journal_fixture.h"

#include <sys/mman.h>

static const char *const tasks[] = {"task-1", "task-2"};
static const char *const paths[] = {"a/b.ply", "c.csv"};

static struct journal_upload_key key_of(const struct fixture *fixture, int task, int path)
{
    return (struct journal_upload_key){fixture->journal, tasks[task], paths[path]};
}

static void place_input(const struct fixture *fixture, int task, const char *cid, const char *path)
{
    struct message_input input = {.cid = memory_copy_text(cid), .path = memory_copy_text(path)};
    journal_input_placed(fixture->journal, tasks[task], &input);
    message_clear(&message_input_type, &input);
}

static void store_artifact(const struct fixture *fixture, int task, int path, const char *id)
{
    struct message_artifact artifact = {.logical_path = memory_copy_text(paths[path]),
                                        .name = memory_copy_text("name"),
                                        .data_type = memory_copy_text("ply"),
                                        .id = memory_copy_text(id)};
    journal_artifact_stored(fixture->journal, tasks[task], &artifact, &file_fingerprint_of_test);
    message_clear(&message_artifact_type, &artifact);
}

static void open_stream(const struct fixture *fixture, int task, int path, const char *rel_path)
{
    struct message_artifact_open opened = {.path = memory_copy_text("outputs/f"),
                                           .rel_path = memory_copy_text(rel_path)};
    secret_assign(&opened.task_key, "the key", 7);
    journal_stream_opened(fixture->journal, tasks[task], paths[path], &opened);
    message_clear(&message_artifact_open_type, &opened);
}

static void begin_upload(const struct fixture *fixture, int task, int path, const char *upload_id)
{
    char name[] = "name";
    char data_type[] = "ply";
    char existing_id[] = "id-before";
    char *id = memory_copy_text(upload_id);
    const struct journal_upload_key key = key_of(fixture, task, path);
    const struct journal_upload upload = {.name = name,
                                          .data_type = data_type,
                                          .existing_id = existing_id,
                                          .upload_id = id,
                                          .part_bytes = 8,
                                          .file = file_fingerprint_of_test};
    journal_upload_began(&key, &upload);
    journal_part_stored(&key, 1, upload_id);
    free(id);
}

/* Both tasks have two uploads and two streams, called 11, 12, 21 and 22. */
static void begin_everything(const struct fixture *fixture)
{
    for (int task = 0; task < 2; task++) {
        open_session(fixture, tasks[task], "");
        for (int path = 0; path < 2; path++) {
            char id[] = {(char)('1' + task), (char)('1' + path), '\0'};
            open_stream(fixture, task, path, id);
            begin_upload(fixture, task, path, id);
        }
    }
}

/* --- what is read back: one text for each table --- */

struct shown {
    char text[256];
};

static void show(struct shown *shown, const char *text)
{
    size_t length = strlen(shown->text);
    snprintf(shown->text + length, sizeof shown->text - length, "%s ", text);
}

static void show_session(void *context, const struct journal_record *record)
{
    const struct message_session_open *opened = record->message;
    char text[64];
    snprintf(text, sizeof text, "%s%s%s%s", opened->task_id, record->had_token ? "+token" : "",
             record->cancelled ? "+cancelled" : "", opened->lease_ends_boot_ms ? "+end" : "");
    show(context, text);
}

static void show_input(void *context, const struct journal_record *record)
{
    show(context, ((const struct message_input *)record->message)->path);
}

static void show_artifact(void *context, const struct journal_record *record)
{
    bool marked = file_fingerprint_is_identical(&record->file, &file_fingerprint_of_test);
    show(context, ((const struct message_artifact *)record->message)->id);
    show(context, marked ? "as it was" : "perhaps another");
}

static void show_stream(void *context, const struct journal_record *record)
{
    show(context, ((const struct message_artifact_open *)record->message)->rel_path);
}

static void assert_records(const struct fixture *fixture, enum journal_table table, const char *task_id,
                           const char *expected)
{
    static journal_record_function *const functions[] = {[JOURNAL_SESSIONS] = show_session,
                                                         [JOURNAL_INPUTS] = show_input,
                                                         [JOURNAL_ARTIFACTS] = show_artifact,
                                                         [JOURNAL_STREAMS] = show_stream};
    struct shown shown = {""};
    journal_visit_records(fixture->journal, table, task_id, functions[table], &shown);
    assert_string_equal(shown.text, expected);
}

/* The ids of all uploads that are known, each with its only part's etag, and whether it may be complete. */
static void assert_uploads(const struct fixture *fixture, const char *expected)
{
    struct shown shown = {""};
    for (int i = 0; i < 4; i++) {
        const struct journal_upload_key key = key_of(fixture, i / 2, i % 2);
        struct journal_upload upload;
        if (!journal_upload_find(&key, &upload))
            continue;
        assert_int_equal(upload.part_count, 1);
        assert_string_equal(upload.parts[0].etag, upload.upload_id);
        assert_string_equal(upload.existing_id, "id-before");
        show(&shown, upload.upload_id);
        if (upload.completing)
            show(&shown, "completing");
        journal_upload_clear(&upload);
    }
    assert_string_equal(shown.text, expected);
}

/* --- sessions --- */

static void a_token_is_of_its_session_alone(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, tasks[0], "");
    open_session(fixture, tasks[1], "");
    journal_session_got_token(fixture->journal, tasks[1]);
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1 task-2+token ");
}

static void only_the_session_that_was_cancelled_is(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, tasks[0], "");
    open_session(fixture, tasks[1], "");
    journal_session_cancelled(fixture->journal, tasks[0]);
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1+cancelled task-2 ");
}

static void an_end_that_comes_later_is_its_session_s_alone(void **state)
{
    struct fixture *fixture = *state;
    char task_id[] = "task-2";
    char text[] = "t";
    const struct message_session_open opened = {
        .task_id = task_id, .domain_id = text, .server_url = text, .lease_ends_boot_ms = 1};
    open_session(fixture, tasks[0], "t");
    open_session(fixture, tasks[1], "t");
    journal_session_got_end(fixture->journal, &opened);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1+token task-2+token+end ");
}

static void a_closed_session_takes_all_with_it_that_is_its_own(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    for (int task = 0; task < 2; task++) {
        place_input(fixture, task, "cid", "datasets/a/a.ply");
        store_artifact(fixture, task, 1, "id");
    }
    journal_session_closed(fixture->journal, tasks[0]);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-2 ");
    assert_records(fixture, JOURNAL_INPUTS, tasks[0], "");
    assert_records(fixture, JOURNAL_INPUTS, tasks[1], "datasets/a/a.ply ");
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[0], "");
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[1], "id as it was ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[0], "");
    assert_records(fixture, JOURNAL_STREAMS, tasks[1], "21 ");
    assert_uploads(fixture, "21 ");
}

static void a_session_opened_anew_begins_with_nothing(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    journal_session_cancelled(fixture->journal, tasks[0]);
    open_session(fixture, tasks[0], "t");
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-2 task-1+token ");
    assert_uploads(fixture, "21 22 ");
}

static void a_session_that_cannot_be_kept_leaves_the_one_before(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    char *id = memory_copy_text(tasks[0]);
    const struct message_session_open opened = {.task_id = id}; /* without what every session needs */
    journal_session_opened(fixture->journal, &opened);
    free(id);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1 task-2 ");
    assert_uploads(fixture, "11 12 21 22 ");
    /* The journal goes on. */
    journal_session_cancelled(fixture->journal, tasks[1]);
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1 task-2+cancelled ");
}

/* --- inputs and artifacts --- */

static void each_task_has_its_own_inputs(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, tasks[0], "");
    open_session(fixture, tasks[1], "");
    place_input(fixture, 0, "cid-1", "datasets/a/a.ply");
    place_input(fixture, 1, "cid-1", "datasets/b/b.ply");
    place_input(fixture, 1, "cid-2", "datasets/c/c.ply");
    assert_records(fixture, JOURNAL_INPUTS, tasks[0], "datasets/a/a.ply ");
    assert_records(fixture, JOURNAL_INPUTS, tasks[1], "datasets/b/b.ply datasets/c/c.ply ");
    /* Where it was placed last is where it is. */
    place_input(fixture, 0, "cid-1", "datasets/a/a-2.ply");
    assert_records(fixture, JOURNAL_INPUTS, tasks[0], "datasets/a/a-2.ply ");
}

static void each_task_asks_for_its_own_inputs(void **state)
{
    struct fixture *fixture = *state;
    struct text_list cids = {0};
    open_session(fixture, tasks[0], "");
    open_session(fixture, tasks[1], "");
    journal_input_asked(fixture->journal, tasks[0], "cid-1");
    journal_input_asked(fixture->journal, tasks[1], "cid-2");
    journal_inputs_asked(fixture->journal, tasks[0], &cids);
    assert_int_equal(cids.count, 1);
    assert_string_equal(cids.items[0], "cid-1");
    text_list_clear(&cids);
}

static void artifacts_come_back_in_the_order_of_their_storing(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture, tasks[0], "");
    open_session(fixture, tasks[1], "");
    store_artifact(fixture, 0, 1, "first");
    store_artifact(fixture, 1, 0, "other");
    store_artifact(fixture, 0, 0, "second");
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[0], "first as it was second as it was ");
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[1], "other as it was ");
    store_artifact(fixture, 0, 1, "third");
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[0], "second as it was third as it was ");
}

static void an_artifact_that_is_being_replaced_is_not_taken_for_what_was_stored(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 0)
            open_session(fixture, tasks[i / 2], "");
        store_artifact(fixture, i / 2, i % 2, paths[i % 2]);
    }
    journal_artifact_replaced(fixture->journal, tasks[0], paths[0]);
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[0], "a/b.ply perhaps another c.csv as it was ");
    assert_records(fixture, JOURNAL_ARTIFACTS, tasks[1], "a/b.ply as it was c.csv as it was ");
}

/* --- streams and uploads --- */

static void a_stream_is_known_again_as_it_was_opened_last(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    open_stream(fixture, 0, 0, "anew");
    open_again(fixture, BOOT);
    assert_records(fixture, JOURNAL_STREAMS, tasks[0], "anew 12 ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[1], "21 22 ");
}

static void a_stored_artifact_ends_no_other_upload_or_stream(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    store_artifact(fixture, 1, 0, "id");
    open_again(fixture, BOOT);
    assert_uploads(fixture, "11 12 22 ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[0], "11 12 ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[1], "22 ");
}

static void an_upload_begun_anew_is_no_other_s_end(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    begin_upload(fixture, 0, 0, "anew");
    assert_uploads(fixture, "anew 12 21 22 ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[0], "11 12 ");
}

static void only_the_upload_that_was_asked_to_complete_may_be_complete(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    const struct journal_upload_key key = key_of(fixture, 1, 1);
    journal_upload_completing(&key);
    open_again(fixture, BOOT);
    assert_uploads(fixture, "11 12 21 22 completing ");
}

static void a_part_sent_again_has_the_tag_of_its_last_answer(void **state)
{
    struct fixture *fixture = *state;
    begin_everything(fixture);
    const struct journal_upload_key key = key_of(fixture, 0, 1);
    struct journal_upload upload;
    journal_part_stored(&key, 1, "newer");
    assert_true(journal_upload_find(&key, &upload));
    assert_int_equal(upload.part_count, 1);
    assert_string_equal(upload.parts[0].etag, "newer");
    journal_upload_clear(&upload);
}

static void the_uploads_of_one_task_end_together(void **state)
{
    struct fixture *fixture = *state;
    struct text_list ids = {0};
    begin_everything(fixture);
    journal_uploads_end(fixture->journal, tasks[0], &ids);
    assert_int_equal(ids.count, 2);
    assert_string_equal(ids.items[0], "11");
    assert_string_equal(ids.items[1], "12");
    assert_uploads(fixture, "21 22 ");
    journal_uploads_end(fixture->journal, tasks[0], &ids);
    assert_int_equal(ids.count, 2);
    text_list_clear(&ids);
}

/* A warning for each record of a good journal would hide the one that matters. */
static void a_journal_that_can_be_read_is_read_without_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    begin_everything(fixture);
    int kept = dup(STDERR_FILENO);
    int written = memfd_create("stderr", MFD_CLOEXEC);
    assert_int_equal(dup2(written, STDERR_FILENO), STDERR_FILENO);
    assert_records(fixture, JOURNAL_SESSIONS, NULL, "task-1 task-2 ");
    assert_records(fixture, JOURNAL_STREAMS, tasks[0], "11 12 ");
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(fstat(written, &status), 0);
    assert_int_equal(status.st_size, 0);
    close(written);
    close(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(a_token_is_of_its_session_alone),
        WITH_JOURNAL(only_the_session_that_was_cancelled_is),
        WITH_JOURNAL(an_end_that_comes_later_is_its_session_s_alone),
        WITH_JOURNAL(a_closed_session_takes_all_with_it_that_is_its_own),
        WITH_JOURNAL(a_session_opened_anew_begins_with_nothing),
        WITH_JOURNAL(a_session_that_cannot_be_kept_leaves_the_one_before),
        WITH_JOURNAL(each_task_has_its_own_inputs),
        WITH_JOURNAL(each_task_asks_for_its_own_inputs),
        WITH_JOURNAL(artifacts_come_back_in_the_order_of_their_storing),
        WITH_JOURNAL(an_artifact_that_is_being_replaced_is_not_taken_for_what_was_stored),
        WITH_JOURNAL(a_stream_is_known_again_as_it_was_opened_last),
        WITH_JOURNAL(a_stored_artifact_ends_no_other_upload_or_stream),
        WITH_JOURNAL(an_upload_begun_anew_is_no_other_s_end),
        WITH_JOURNAL(only_the_upload_that_was_asked_to_complete_may_be_complete),
        WITH_JOURNAL(a_part_sent_again_has_the_tag_of_its_last_answer),
        WITH_JOURNAL(the_uploads_of_one_task_end_together),
        WITH_JOURNAL(a_journal_that_can_be_read_is_read_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
