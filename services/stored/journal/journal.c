#include "services/stored/journal/journal.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "services/stored/journal/journal_statement.h"

#include <stdlib.h>

/* Runs `statement` with `values`, in which the value at `at` becomes the encoded message. */
static bool run_with_message(struct journal *journal, enum journal_statement statement,
                             struct journal_value *values, size_t value_count, size_t at,
                             const struct message_type *type, const void *message)
{
    struct error error;
    size_t length;
    char *bytes = message_encode(type, message, &length, &error);
    if (!bytes) {
        log_warn("the journal cannot keep %s: %s", type->name, error.text);
        return false;
    }
    values[at] = (struct journal_value){.data = bytes, .data_bytes = length};
    bool ok = journal_run(journal, statement, values, value_count);
    secret_wipe_bytes(bytes, length);
    free(bytes);
    return ok;
}

static void read_client_id(void *context, sqlite3_stmt *row)
{
    *(char **)context = journal_text(row, 0);
}

char *journal_keep_client_id(struct journal *journal, const char *fresh)
{
    char *kept = NULL;
    journal_run(journal, JOURNAL_client_id_keep, JOURNAL_VALUES(JOURNAL_TEXT(fresh)));
    journal_visit(journal, JOURNAL_client_id_find, NULL, 0, read_client_id, &kept);
    return kept ? kept : memory_copy_text(fresh);
}

/* --- sessions --- */

void journal_session_opened(struct journal *journal, const struct message_session_open *opened)
{
    struct message_session_open kept = *opened;
    kept.access_token = (struct secret){0};
    struct journal_value values[] = {JOURNAL_TEXT(opened->task_id), JOURNAL_INTEGER(0),
                                     JOURNAL_INTEGER(opened->access_token.length > 0)};
    journal_run(journal, JOURNAL_begin, NULL, 0);
    bool ok = journal_run(journal, JOURNAL_session_forget, JOURNAL_VALUES(JOURNAL_TEXT(opened->task_id))) &&
              run_with_message(journal, JOURNAL_session_add, values, sizeof values / sizeof values[0], 1,
                               &message_session_open_type, &kept);
    journal_end(journal, ok);
}

void journal_session_got_end(struct journal *journal, const struct message_session_open *opened)
{
    struct message_session_open kept = *opened;
    kept.access_token = (struct secret){0};
    struct journal_value values[] = {JOURNAL_INTEGER(0), JOURNAL_TEXT(opened->task_id)};
    run_with_message(journal, JOURNAL_session_reopen, values, sizeof values / sizeof values[0], 0,
                     &message_session_open_type, &kept);
}

void journal_session_got_token(struct journal *journal, const char *task_id)
{
    journal_run(journal, JOURNAL_session_token, JOURNAL_VALUES(JOURNAL_TEXT(task_id)));
}

void journal_session_cancelled(struct journal *journal, const char *task_id)
{
    journal_run(journal, JOURNAL_session_cancel, JOURNAL_VALUES(JOURNAL_TEXT(task_id)));
}

void journal_session_closed(struct journal *journal, const char *task_id)
{
    journal_run(journal, JOURNAL_session_forget, JOURNAL_VALUES(JOURNAL_TEXT(task_id)));
}

/* --- inputs --- */

void journal_input_asked(struct journal *journal, const char *task_id, const char *cid)
{
    journal_run(journal, JOURNAL_asked_add, JOURNAL_VALUES(JOURNAL_TEXT(task_id), JOURNAL_TEXT(cid)));
}

void journal_input_failed(struct journal *journal, const char *task_id, const char *cid)
{
    journal_run(journal, JOURNAL_asked_forget, JOURNAL_VALUES(JOURNAL_TEXT(task_id), JOURNAL_TEXT(cid)));
}

void journal_input_placed(struct journal *journal, const char *task_id, const struct message_input *input)
{
    struct journal_value values[] = {JOURNAL_TEXT(task_id), JOURNAL_TEXT(input->cid), JOURNAL_INTEGER(0)};
    journal_run(journal, JOURNAL_begin, NULL, 0);
    run_with_message(journal, JOURNAL_input_add, values, sizeof values / sizeof values[0], 2,
                     &message_input_type, input);
    journal_input_failed(journal, task_id, input->cid);
    journal_end(journal, true);
}

static void add_text(void *context, sqlite3_stmt *row)
{
    text_list_add(context, (const char *)sqlite3_column_text(row, 0));
}

void journal_inputs_asked(struct journal *journal, const char *task_id, struct text_list *cids)
{
    journal_visit(journal, JOURNAL_asked_of, JOURNAL_VALUES(JOURNAL_TEXT(task_id)), add_text, cids);
}

/* --- artifacts --- */

void journal_artifact_stored(struct journal *journal, const char *task_id,
                             const struct message_artifact *artifact, const struct file_fingerprint *file)
{
    const struct journal_upload_key key = {journal, task_id, artifact->logical_path};
    struct journal_value values[] = {JOURNAL_TEXT(task_id),
                                     JOURNAL_TEXT(artifact->logical_path),
                                     JOURNAL_INTEGER(0),
                                     JOURNAL_INTEGER((int64_t)file->device),
                                     JOURNAL_INTEGER((int64_t)file->inode),
                                     JOURNAL_INTEGER(file->bytes),
                                     JOURNAL_INTEGER(file->modified_ns),
                                     JOURNAL_INTEGER(file->changed_ns)};
    journal_run(journal, JOURNAL_begin, NULL, 0);
    run_with_message(journal, JOURNAL_artifact_add, values, sizeof values / sizeof values[0], 2,
                     &message_artifact_type, artifact);
    journal_upload_ended(&key);
    journal_end(journal, true);
}

void journal_artifact_replaced(struct journal *journal, const char *task_id, const char *logical_path)
{
    journal_run(journal, JOURNAL_artifact_forget_fingerprint,
                JOURNAL_VALUES(JOURNAL_TEXT(task_id), JOURNAL_TEXT(logical_path)));
}

/* --- streams --- */

void journal_stream_opened(struct journal *journal, const char *task_id, const char *logical_path,
                           const struct message_artifact_open *opened)
{
    struct journal_value values[] = {JOURNAL_TEXT(task_id), JOURNAL_TEXT(logical_path), JOURNAL_INTEGER(0)};
    run_with_message(journal, JOURNAL_stream_add, values, sizeof values / sizeof values[0], 2,
                     &message_artifact_open_type, opened);
}

/* --- multipart uploads --- */

#define KEY_VALUES(key) JOURNAL_TEXT((key)->task_id), JOURNAL_TEXT((key)->logical_path)

void journal_upload_began(const struct journal_upload_key *key, const struct journal_upload *upload)
{
    struct journal *journal = key->journal;
    journal_run(journal, JOURNAL_begin, NULL, 0);
    bool ok =
        journal_run(journal, JOURNAL_upload_forget, JOURNAL_VALUES(KEY_VALUES(key))) &&
        journal_run(journal, JOURNAL_upload_add,
                    JOURNAL_VALUES(
                        KEY_VALUES(key), JOURNAL_TEXT(upload->name), JOURNAL_TEXT(upload->data_type),
                        JOURNAL_TEXT(upload->existing_id), JOURNAL_TEXT(upload->upload_id),
                        JOURNAL_INTEGER(upload->part_bytes), JOURNAL_INTEGER((int64_t)upload->file.device),
                        JOURNAL_INTEGER((int64_t)upload->file.inode), JOURNAL_INTEGER(upload->file.bytes),
                        JOURNAL_INTEGER(upload->file.modified_ns), JOURNAL_INTEGER(upload->file.changed_ns)));
    journal_end(journal, ok);
}

void journal_part_stored(const struct journal_upload_key *key, size_t number, const char *etag)
{
    journal_run(key->journal, JOURNAL_part_add,
                JOURNAL_VALUES(KEY_VALUES(key), JOURNAL_INTEGER((int64_t)number), JOURNAL_TEXT(etag)));
}

void journal_upload_completing(const struct journal_upload_key *key)
{
    journal_run(key->journal, JOURNAL_upload_complete, JOURNAL_VALUES(KEY_VALUES(key)));
}

void journal_upload_ended(const struct journal_upload_key *key)
{
    journal_run(key->journal, JOURNAL_upload_forget, JOURNAL_VALUES(KEY_VALUES(key)));
    journal_run(key->journal, JOURNAL_stream_forget, JOURNAL_VALUES(KEY_VALUES(key)));
}

void journal_uploads_end(struct journal *journal, const char *task_id, struct text_list *ids)
{
    journal_visit(journal, JOURNAL_uploads_of, JOURNAL_VALUES(JOURNAL_TEXT(task_id)), add_text, ids);
    journal_run(journal, JOURNAL_uploads_forget, JOURNAL_VALUES(JOURNAL_TEXT(task_id)));
}

static void read_upload(void *context, sqlite3_stmt *row)
{
    struct journal_upload *upload = context;
    *upload = (struct journal_upload){.name = journal_text(row, 0),
                                      .data_type = journal_text(row, 1),
                                      .existing_id = journal_text(row, 2),
                                      .upload_id = journal_text(row, 3),
                                      .part_bytes = sqlite3_column_int64(row, 4),
                                      .file = journal_fingerprint(row, 5),
                                      .completing = sqlite3_column_int(row, 10)};
}

static void read_part(void *context, sqlite3_stmt *row)
{
    struct journal_upload *upload = context;
    /* Doubling: thousands of parts do not copy the table each time. */
    if ((upload->part_count & (upload->part_count - 1)) == 0)
        upload->parts = memory_resize_array(upload->parts, upload->part_count ? upload->part_count * 2 : 1,
                                            sizeof *upload->parts);
    upload->parts[upload->part_count++] =
        (struct journal_part){.number = (size_t)sqlite3_column_int64(row, 0), .etag = journal_text(row, 1)};
}

bool journal_upload_find(const struct journal_upload_key *key, struct journal_upload *upload)
{
    *upload = (struct journal_upload){0};
    journal_visit(key->journal, JOURNAL_upload_find, JOURNAL_VALUES(KEY_VALUES(key)), read_upload, upload);
    if (!upload->upload_id)
        return false;
    journal_visit(key->journal, JOURNAL_parts_of, JOURNAL_VALUES(KEY_VALUES(key)), read_part, upload);
    return true;
}

void journal_upload_clear(struct journal_upload *upload)
{
    for (size_t i = 0; i < upload->part_count; i++)
        free(upload->parts[i].etag);
    free(upload->parts);
    free(upload->name);
    free(upload->data_type);
    free(upload->existing_id);
    free(upload->upload_id);
    *upload = (struct journal_upload){0};
}

/* --- reading it again --- */

static const struct {
    enum journal_statement statement;
    const struct message_type *type;
} tables[] = {
    [JOURNAL_SESSIONS] = {JOURNAL_sessions_all, &message_session_open_type},
    [JOURNAL_INPUTS] = {JOURNAL_inputs_of, &message_input_type},
    [JOURNAL_ARTIFACTS] = {JOURNAL_artifacts_of, &message_artifact_type},
    [JOURNAL_STREAMS] = {JOURNAL_streams_of, &message_artifact_open_type},
};

struct visit {
    const struct message_type *type;
    journal_record_function *function;
    void *context;
};

/* What this version cannot read is skipped: the task that it belongs to will miss it. */
static void visit_row(void *context, sqlite3_stmt *row)
{
    const struct visit *visit = context;
    struct error error;
    void *message = memory_allocate(visit->type->struct_bytes);
    if (message_decode(visit->type, message, sqlite3_column_blob(row, 0),
                       (size_t)sqlite3_column_bytes(row, 0), &error)) {
        visit->function(visit->context, &(struct journal_record){.message = message,
                                                                 .had_token = sqlite3_column_int(row, 1),
                                                                 .cancelled = sqlite3_column_int(row, 2),
                                                                 .file = journal_fingerprint(row, 3)});
        message_clear(visit->type, message);
    } else {
        log_warn("the journal has a %s that cannot be read: %s", visit->type->name, error.text);
    }
    free(message);
}

void journal_visit_records(struct journal *journal, enum journal_table table, const char *task_id,
                           journal_record_function *visit, void *context)
{
    struct visit call = {tables[table].type, visit, context};
    const struct journal_value task = JOURNAL_TEXT(task_id);
    journal_visit(journal, tables[table].statement, &task, task_id ? 1 : 0, visit_row, &call);
}
