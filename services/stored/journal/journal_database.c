/* The file behind the journal: opening and closing. */
#include "services/stored/journal/journal.h"

#include "libcommon/base/log.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/files/folder.h"
#include "services/stored/journal/journal_statement.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1 };

/* One process uses it, so no shared memory between processes; nothing waits for the disk (journal.h). */
static const char settings_sql[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                                   "PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-512;"
                                   "PRAGMA foreign_keys=ON;";

static const char schema_sql[] =
    "BEGIN;"
    "CREATE TABLE boot (id TEXT NOT NULL, client_id TEXT);"
    "CREATE TABLE sessions (task_id TEXT PRIMARY KEY, opened BLOB NOT NULL, had_token INTEGER NOT NULL,"
    "  cancelled INTEGER NOT NULL);"
    "CREATE TABLE inputs (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, cid TEXT NOT NULL,"
    "  input BLOB NOT NULL, PRIMARY KEY (task_id, cid));"
    "CREATE TABLE artifacts (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  logical_path TEXT NOT NULL, artifact BLOB NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL,"
    "  PRIMARY KEY (task_id, logical_path));"
    "CREATE TABLE streams (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  logical_path TEXT NOT NULL, opened BLOB NOT NULL, PRIMARY KEY (task_id, logical_path));"
    "CREATE TABLE uploads (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  logical_path TEXT NOT NULL, name TEXT NOT NULL, data_type TEXT NOT NULL, existing_id TEXT,"
    "  upload_id TEXT NOT NULL, part_bytes INTEGER NOT NULL,"
    "  device INTEGER NOT NULL, inode INTEGER NOT NULL, bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL,"
    "  changed_ns INTEGER NOT NULL,"
    "  completing INTEGER NOT NULL, PRIMARY KEY (task_id, logical_path)) WITHOUT ROWID;"
    "CREATE TABLE parts (task_id TEXT NOT NULL, logical_path TEXT NOT NULL, number INTEGER NOT NULL,"
    "  etag TEXT NOT NULL, PRIMARY KEY (task_id, logical_path, number),"
    "  FOREIGN KEY (task_id, logical_path) REFERENCES uploads ON DELETE CASCADE) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT;";

/* What came later: an older version of stored, which does not know it, is not disturbed. */
static const char additions_sql[] =
    "CREATE TABLE IF NOT EXISTS asked (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  cid TEXT NOT NULL, PRIMARY KEY (task_id, cid));"
    "CREATE TABLE IF NOT EXISTS in_hand (number INTEGER PRIMARY KEY,"
    "  task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, operation TEXT NOT NULL, name TEXT NOT "
    "NULL);"
    "CREATE TABLE IF NOT EXISTS deaths (task_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,"
    "  operation TEXT NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (task_id, operation, "
    "name));";

static bool run_sql(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static int number_of(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int number = -1;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* Leases end with the boot that they were made in: leased and the jobs are gone. */
static bool forget_other_boots(sqlite3 *database, const char *boot_id)
{
    char *same = sqlite3_mprintf("SELECT count(*) FROM boot WHERE id = %Q", boot_id);
    char *renew =
        sqlite3_mprintf("BEGIN; DELETE FROM sessions; DELETE FROM boot; INSERT INTO boot VALUES (%Q, NULL);"
                        "COMMIT;",
                        boot_id);
    bool ok = number_of(database, same) == 1 || run_sql(database, renew);
    sqlite3_free(same);
    sqlite3_free(renew);
    return ok;
}

static bool set_up(struct journal *journal, const char *boot_id, struct error *error)
{
    sqlite3 *database = journal->database;
    if (!run_sql(database, settings_sql))
        return false;
    int version = number_of(database, "PRAGMA user_version");
    if (version > SCHEMA_VERSION)
        return error_set(
            error, ERROR_CONFLICT,
            "the journal was written by a newer version of stored (schema %d, this one knows %d)", version,
            SCHEMA_VERSION);
    return (version == SCHEMA_VERSION || (version == 0 && run_sql(database, schema_sql))) &&
           run_sql(database, additions_sql) && forget_other_boots(database, boot_id) &&
           journal_prepare(journal);
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    journal_release_statements(journal);
    sqlite3_close(journal->database);
    free(journal);
}

/* NULL with `code`, SQLite's. */
static struct journal *open_file(const char *path, const char *boot_id, int *code, struct error *error)
{
    struct journal *journal = memory_allocate(sizeof *journal);
    *error = (struct error){0};
    bool ok = sqlite3_open_v2(path, &journal->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
                  SQLITE_OK &&
              set_up(journal, boot_id, error);
    if (ok)
        return journal;
    *code = sqlite3_errcode(journal->database);
    if (error->code == ERROR_NONE)
        error_set(error, *code == SQLITE_BUSY ? ERROR_CONFLICT : ERROR_SYSTEM,
                  "POSEMESH_STATE_DIR: cannot open %.*s: %s", TEXT_CUT(path, 200),
                  *code == SQLITE_BUSY ? "another process uses it" : sqlite3_errmsg(journal->database));
    journal_close(journal);
    return NULL;
}

static void remove_file(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-journal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char *file = memory_format("%s%s", path, endings[i]);
        unlink(file);
        free(file);
    }
}

/* Left-overs may fill the disk, and only a stored that starts can remove them. */
static bool is_worthless(int code)
{
    return code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_FULL || code == SQLITE_IOERR;
}

struct journal *journal_open(const char *state_dir, const char *boot_id, struct error *error)
{
    int code = SQLITE_OK;
    char *folder = memory_format("%s/stored", state_dir);
    char *path = memory_format("%s/journal.sqlite", folder);
    struct journal *journal = NULL;
    mode_t umask_before = umask(077);
    if (folder_make(state_dir, S_IRWXU, error) && folder_make(folder, S_IRWXU, error))
        journal = open_file(path, boot_id, &code, error);
    else
        error_prefix(error, "POSEMESH_STATE_DIR");
    if (!journal && is_worthless(code)) {
        log_warn("%s; an empty one takes its place", error->text);
        remove_file(path);
        journal = open_file(path, boot_id, &code, error);
    }
    if (!journal && (is_worthless(code) || error->code == ERROR_DISK_FULL)) {
        log_warn("%s; a restart of stored will not be survived", error->text);
        journal = open_file(":memory:", boot_id, &code, error);
    }
    umask(umask_before);
    free(path);
    free(folder);
    return journal;
}
