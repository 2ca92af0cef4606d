#include "services/stored/journal/journal_upload.h"

#include "libcommon/base/memory.h"
#include "services/stored/journal/journal_statement.h"

#include <stdlib.h>

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

struct id_visit {
    journal_upload_id_function *function;
    void *context;
};

static void visit_id(void *context, sqlite3_stmt *row)
{
    const struct id_visit *visit = context;
    visit->function(visit->context, (const char *)sqlite3_column_text(row, 0));
}

void journal_uploads_end(struct journal *journal, const char *task_id, journal_upload_id_function *visit,
                         void *context)
{
    struct id_visit call = {visit, context};
    journal_visit(journal, JOURNAL_uploads_of, JOURNAL_VALUES(JOURNAL_TEXT(task_id)), visit_id, &call);
    journal_run(journal, JOURNAL_uploads_forget, JOURNAL_VALUES(JOURNAL_TEXT(task_id)));
}

/* --- finding one again --- */

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
