/* services/stored/artifacts/resumable_upload.h: whether an upload from before a restart is resumed. */
#include "services/stored/artifacts/resumable_upload.h"

#include "tests/unit/journal_fixture.h"

#define PATH "a/b.ply"

static void begin_upload(const struct fixture *fixture)
{
    char name[] = "a_b_ply_task-1";
    char data_type[] = "ply";
    char id[] = "u1";
    const struct journal_upload_key key = {fixture->journal, TASK, PATH};
    const struct journal_upload upload = {.name = name,
                                          .data_type = data_type,
                                          .upload_id = id,
                                          .part_bytes = 10,
                                          .file = file_fingerprint_of_test};
    open_session(fixture, TASK, "t");
    journal_upload_began(&key, &upload);
}

static enum resumable_upload_use find(const struct fixture *fixture, const char *name, const char *data_type,
                                      const struct file_fingerprint *fingerprint, bool streamed)
{
    const struct journal_upload_key key = {fixture->journal, TASK, PATH};
    struct artifact_name wanted = {.name = memory_copy_text(name), .data_type = memory_copy_text(data_type)};
    const struct artifact_file file = {.fd = -1, .fingerprint = *fingerprint};
    struct journal_upload known;
    enum resumable_upload_use use = resumable_upload_find(&key, &wanted, &file, streamed, &known);
    assert_int_equal(known.upload_id != NULL, use != RESUMABLE_UPLOAD_NONE);
    journal_upload_clear(&known);
    artifact_name_clear(&wanted);
    return use;
}

static void an_upload_that_nobody_began_is_not_known(void **state)
{
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &file_fingerprint_of_test, false),
                     RESUMABLE_UPLOAD_NONE);
}

static void the_same_file_under_the_same_name_is_resumed(void **state)
{
    begin_upload(*state);
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &file_fingerprint_of_test, false),
                     RESUMABLE_UPLOAD_RESUME);
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &file_fingerprint_of_test, true),
                     RESUMABLE_UPLOAD_RESUME);
}

static void another_name_or_type_is_another_object_at_the_server(void **state)
{
    begin_upload(*state);
    static const char *const names[][2] = {
        {"other", "ply"}, {"Another", "ply"}, {"a_b_ply_task-1", "zip"}, {"a_b_ply_task-1", "json"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(find(*state, names[i][0], names[i][1], &file_fingerprint_of_test, false),
                         RESUMABLE_UPLOAD_RENAMED);
}

static void parts_of_two_files_do_not_become_one(void **state)
{
    begin_upload(*state);
    struct file_fingerprint fingerprints[] = {file_fingerprint_of_test, file_fingerprint_of_test,
                                              file_fingerprint_of_test, file_fingerprint_of_test};
    fingerprints[0].device++;
    fingerprints[1].inode--;
    fingerprints[2].bytes++;
    fingerprints[3].modified_ns++;
    for (size_t i = 0; i < sizeof fingerprints / sizeof fingerprints[0]; i++)
        assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &fingerprints[i], false),
                         RESUMABLE_UPLOAD_CHANGED);
    assert_int_equal(find(*state, "other", "ply", &fingerprints[0], false), RESUMABLE_UPLOAD_CHANGED);
}

static void a_stream_s_file_may_have_grown(void **state)
{
    begin_upload(*state);
    struct file_fingerprint grown = file_fingerprint_of_test;
    grown.bytes += 100;
    grown.modified_ns += 100;
    grown.changed_ns += 100;
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &grown, true), RESUMABLE_UPLOAD_RESUME);
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &grown, false), RESUMABLE_UPLOAD_CHANGED);
    grown.inode--;
    assert_int_equal(find(*state, "a_b_ply_task-1", "ply", &grown, true), RESUMABLE_UPLOAD_CHANGED);
}

static void so_much_of_a_stream_was_announced_as_its_last_part_reaches(void **state)
{
    (void)state;
    struct journal_part parts[] = {{.number = 1}, {.number = 4}, {.number = 2}};
    struct journal_upload known = {.part_bytes = 10, .parts = parts, .part_count = 3};
    struct artifact_file file = {.fd = -1, .fingerprint = {.bytes = 100}};
    assert_int_equal(resumable_upload_announced_bytes(&known, &file), 40);
    /* The last part may be a smaller one. */
    file.fingerprint.bytes = 35;
    assert_int_equal(resumable_upload_announced_bytes(&known, &file), 35);
    known.part_count = 1;
    assert_int_equal(resumable_upload_announced_bytes(&known, &file), 10);
    known.part_count = 0;
    assert_int_equal(resumable_upload_announced_bytes(&known, &file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_JOURNAL(an_upload_that_nobody_began_is_not_known),
        WITH_JOURNAL(the_same_file_under_the_same_name_is_resumed),
        WITH_JOURNAL(another_name_or_type_is_another_object_at_the_server),
        WITH_JOURNAL(parts_of_two_files_do_not_become_one),
        WITH_JOURNAL(a_stream_s_file_may_have_grown),
        cmocka_unit_test(so_much_of_a_stream_was_announced_as_its_last_part_reaches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
