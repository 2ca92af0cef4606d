/* The statements that read and write the journal. For this folder alone: others know journal.h. */
#ifndef STORED_JOURNAL_JOURNAL_STATEMENT_H
#define STORED_JOURNAL_JOURNAL_STATEMENT_H

#include "services/stored/workspace/file_fingerprint.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * STATEMENT(name, sql): prepared once, when the journal is opened. The four that read records have the same
 * columns: message, had_token, cancelled, device, inode, bytes, modified_ns, changed_ns.
 */
#define JOURNAL_STATEMENTS(STATEMENT)                                                                        \
    STATEMENT(client_id_keep, "UPDATE boot SET client_id = ? WHERE client_id IS NULL")                       \
    STATEMENT(client_id_find, "SELECT client_id FROM boot")                                                  \
    STATEMENT(session_forget, "DELETE FROM sessions WHERE task_id = ?")                                      \
    STATEMENT(session_add, "INSERT INTO sessions (task_id, opened, had_token, cancelled) VALUES (?,?,?,0)")  \
    STATEMENT(session_reopen, "UPDATE sessions SET opened = ? WHERE task_id = ?")                            \
    STATEMENT(session_cancel, "UPDATE sessions SET cancelled = 1 WHERE task_id = ?")                         \
    STATEMENT(session_token, "UPDATE sessions SET had_token = 1 WHERE task_id = ?")                          \
    STATEMENT(sessions_all, "SELECT opened, had_token, cancelled, 0, 0, 0, 0, 0 FROM sessions")              \
    STATEMENT(input_add, "INSERT OR REPLACE INTO inputs VALUES (?,?,?)")                                     \
    STATEMENT(inputs_of, "SELECT input, 0, 0, 0, 0, 0, 0, 0 FROM inputs WHERE task_id = ?")                  \
    STATEMENT(asked_add, "INSERT OR IGNORE INTO asked VALUES (?,?)")                                         \
    STATEMENT(asked_forget, "DELETE FROM asked WHERE task_id = ? AND cid = ?")                               \
    STATEMENT(asked_of, "SELECT cid FROM asked WHERE task_id = ? ORDER BY rowid")                            \
    STATEMENT(artifact_add, "INSERT OR REPLACE INTO artifacts VALUES (?,?,?,?,?,?,?,?)")                     \
    STATEMENT(artifacts_of, "SELECT artifact, 0, 0, device, inode, bytes, modified_ns, changed_ns "          \
                            "FROM artifacts WHERE task_id = ? ORDER BY rowid")                               \
    STATEMENT(artifact_forget_fingerprint,                                                                   \
              "UPDATE artifacts SET inode = 0 WHERE task_id = ? AND logical_path = ?")                       \
    STATEMENT(stream_add, "INSERT OR REPLACE INTO streams VALUES (?,?,?)")                                   \
    STATEMENT(stream_forget, "DELETE FROM streams WHERE task_id = ? AND logical_path = ?")                   \
    STATEMENT(streams_of, "SELECT opened, 0, 0, 0, 0, 0, 0, 0 FROM streams WHERE task_id = ?")               \
    STATEMENT(upload_add, "INSERT INTO uploads VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0)")                          \
    STATEMENT(upload_forget, "DELETE FROM uploads WHERE task_id = ? AND logical_path = ?")                   \
    STATEMENT(upload_complete, "UPDATE uploads SET completing = 1 WHERE task_id = ? AND logical_path = ?")   \
    STATEMENT(upload_find, "SELECT name, data_type, existing_id, upload_id, part_bytes, device, inode, "     \
                           "bytes, modified_ns, changed_ns, completing FROM uploads "                        \
                           "WHERE task_id = ? AND logical_path = ?")                                         \
    STATEMENT(uploads_of, "SELECT upload_id FROM uploads WHERE task_id = ?")                                 \
    STATEMENT(uploads_forget, "DELETE FROM uploads WHERE task_id = ?")                                       \
    STATEMENT(part_add, "INSERT OR REPLACE INTO parts VALUES (?,?,?,?)")                                     \
    STATEMENT(parts_of, "SELECT number, etag FROM parts WHERE task_id = ? AND logical_path = ?")             \
    STATEMENT(hand_add, "INSERT INTO in_hand (task_id, operation, name) VALUES (?,?,?)")                     \
    STATEMENT(hand_forget, "DELETE FROM in_hand WHERE number = ?")                                           \
    STATEMENT(hand_clear, "DELETE FROM in_hand")                                                             \
    STATEMENT(deaths_count, "INSERT INTO deaths SELECT task_id, operation, name, 1 FROM in_hand UNION "      \
                            "SELECT task_id, 'input_materialize', cid, 1 FROM asked WHERE true "             \
                            "ON CONFLICT DO UPDATE SET count = count + 1")                                   \
    STATEMENT(deaths_of, "SELECT count FROM deaths WHERE task_id = ? AND operation = ? AND name = ?")        \
    STATEMENT(deaths_forget, "DELETE FROM deaths WHERE (task_id, operation, name) IN "                       \
                             "(SELECT task_id, operation, name FROM in_hand WHERE number = ?)")              \
    STATEMENT(begin, "BEGIN")                                                                                \
    STATEMENT(commit, "COMMIT")                                                                              \
    STATEMENT(roll_back, "ROLLBACK")

enum journal_statement {
#define JOURNAL_STATEMENT_ENUM(name, sql) JOURNAL_##name,
    JOURNAL_STATEMENTS(JOURNAL_STATEMENT_ENUM)
#undef JOURNAL_STATEMENT_ENUM
        JOURNAL_STATEMENT_COUNT
};

struct journal {
    sqlite3 *database;
    sqlite3_stmt *statements[JOURNAL_STATEMENT_COUNT];
    bool failing; /* the last write failed: that is logged once */
};

/* A value for a `?`: text or blob when `data` is set, NULL when `is_null`, else the integer. */
struct journal_value {
    const void *data;
    size_t data_bytes; /* of a blob; 0: `data` is text */
    int64_t integer;
    bool is_null;
};

#define JOURNAL_TEXT(value) ((struct journal_value){.data = (value), .is_null = !(value)})
#define JOURNAL_INTEGER(value) ((struct journal_value){.integer = (value)})
#define JOURNAL_VALUES(...)                                                                                  \
    (const struct journal_value[]){__VA_ARGS__},                                                             \
        sizeof((const struct journal_value[]){__VA_ARGS__}) / sizeof(struct journal_value)

/* Once the tables are there. False with the reason in `journal->database`. */
bool journal_prepare(struct journal *journal);

/* Finalizes them; harmless when they are not prepared. */
void journal_release_statements(struct journal *journal);

/* Runs a statement that gives no rows. What fails is logged. */
bool journal_run(struct journal *journal, enum journal_statement statement,
                 const struct journal_value *values, size_t value_count);

/* Ends a transaction that began with JOURNAL_begin. */
void journal_end(struct journal *journal, bool commit);

/* Calls `visit` for each row; it may change the journal, but not the rows that are being read. */
typedef void journal_row_function(void *context, sqlite3_stmt *row);
void journal_visit(struct journal *journal, enum journal_statement statement,
                   const struct journal_value *values, size_t value_count, journal_row_function *visit,
                   void *context);

/* A copy of a text column, NULL for none. free() it. */
char *journal_text(sqlite3_stmt *row, int column);

/* The five columns device, inode, bytes, modified_ns, changed_ns from `column` on. */
struct file_fingerprint journal_fingerprint(sqlite3_stmt *row, int column);

#endif
