#include "services/stored/journal/journal_statement.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"

static const char *const statement_texts[JOURNAL_STATEMENT_COUNT] = {
#define JOURNAL_STATEMENT_TEXT(name, sql) [JOURNAL_##name] = (sql),
    JOURNAL_STATEMENTS(JOURNAL_STATEMENT_TEXT)
#undef JOURNAL_STATEMENT_TEXT
};

bool journal_prepare(struct journal *journal)
{
    for (size_t i = 0; i < JOURNAL_STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(journal->database, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &journal->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

void journal_release_statements(struct journal *journal)
{
    for (size_t i = 0; i < JOURNAL_STATEMENT_COUNT; i++)
        sqlite3_finalize(journal->statements[i]);
}

static int bind(sqlite3_stmt *statement, int index, const struct journal_value *value)
{
    if (value->is_null)
        return sqlite3_bind_null(statement, index);
    if (!value->data)
        return sqlite3_bind_int64(statement, index, value->integer);
    if (value->data_bytes)
        return sqlite3_bind_blob64(statement, index, value->data, value->data_bytes, SQLITE_STATIC);
    return sqlite3_bind_text(statement, index, value->data, -1, SQLITE_STATIC);
}

static sqlite3_stmt *prepared(struct journal *journal, enum journal_statement statement,
                              const struct journal_value *values, size_t value_count)
{
    sqlite3_stmt *prepared_statement = journal->statements[statement];
    for (size_t i = 0; i < value_count; i++)
        (void)bind(prepared_statement, (int)i + 1, &values[i]);
    return prepared_statement;
}

/* The values are the caller's: nothing may point at them afterwards. */
static void finish(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

bool journal_run(struct journal *journal, enum journal_statement statement,
                 const struct journal_value *values, size_t value_count)
{
    sqlite3_stmt *running = prepared(journal, statement, values, value_count);
    bool ok = sqlite3_step(running) == SQLITE_DONE;
    if (!ok && !journal->failing)
        log_warn("the journal cannot be written (%s): if stored is restarted now, it may have to repeat work",
                 sqlite3_errmsg(journal->database));
    if (!ok)
        journal->failing = true;
    /* Only what reached the file tells that it can be written again. */
    else if (statement != JOURNAL_roll_back && sqlite3_get_autocommit(journal->database))
        journal->failing = false;
    finish(running);
    return ok;
}

void journal_end(struct journal *journal, bool commit)
{
    if (commit)
        journal_run(journal, JOURNAL_commit, NULL, 0);
    /* Also a commit that failed may leave the transaction open. */
    if (!sqlite3_get_autocommit(journal->database))
        journal_run(journal, JOURNAL_roll_back, NULL, 0);
}

void journal_visit(struct journal *journal, enum journal_statement statement,
                   const struct journal_value *values, size_t value_count, journal_row_function *visit,
                   void *context)
{
    sqlite3_stmt *running = prepared(journal, statement, values, value_count);
    int code = sqlite3_step(running);
    for (; code == SQLITE_ROW; code = sqlite3_step(running))
        visit(context, running);
    if (code != SQLITE_DONE)
        log_warn("the journal cannot be read: %s", sqlite3_errmsg(journal->database));
    finish(running);
}

char *journal_text(sqlite3_stmt *row, int column)
{
    return memory_copy_text((const char *)sqlite3_column_text(row, column));
}

struct file_fingerprint journal_fingerprint(sqlite3_stmt *row, int column)
{
    return (struct file_fingerprint){.device = (uint64_t)sqlite3_column_int64(row, column),
                                     .inode = (uint64_t)sqlite3_column_int64(row, column + 1),
                                     .bytes = sqlite3_column_int64(row, column + 2),
                                     .modified_ns = sqlite3_column_int64(row, column + 3),
                                     .changed_ns = sqlite3_column_int64(row, column + 4)};
}
