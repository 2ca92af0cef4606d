#include "tests/devnet/store.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/schema.h"
#include "tests/devnet/signature.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    sqlite3 *database;
    pthread_mutex_t lock;
    pthread_cond_t change;
};

struct value store_text_value(const char *text)
{
    return (struct value){.text = text, .is_null = !text};
}

static _Noreturn void give_up(struct store *store, const char *sql)
{
    fprintf(stderr, "posemesh-devnet: database: %s\n  in: %s\n", sqlite3_errmsg(store->database), sql);
    abort();
}

/* uuid() in SQL, so that one INSERT ... SELECT can number all tasks of a job. */
static void sql_uuid(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    char uuid[UUID_TEXT_BYTES];

    (void)count;
    (void)arguments;
    random_uuid(uuid);
    sqlite3_result_text(context, uuid, -1, SQLITE_TRANSIENT);
}

/* moment(ms) in SQL: NULL stays NULL. */
static void sql_moment(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    char text[MOMENT_TEXT_BYTES];

    (void)count;
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL)
        return;
    sqlite3_result_text(context, moment_text(sqlite3_value_int64(arguments[0]), text), -1, SQLITE_TRANSIENT);
}

static bool prepare_database(struct store *store, struct error *error)
{
    sqlite3 *database = store->database;
    char *problem = NULL;
    int64_t version;

    sqlite3_create_function(database, "uuid", 0, SQLITE_UTF8, NULL, sql_uuid, NULL, NULL);
    sqlite3_create_function(database, "moment", 1, SQLITE_UTF8, NULL, sql_moment, NULL, NULL);
    version = store_integer(store, 0, "PRAGMA user_version", NO_VALUES);
    if (version > SCHEMA_VERSION)
        return error_set(error, ERROR_INVALID, "the state was written by a newer posemesh-devnet (schema %d)",
                         (int)version);

    /* The devnet may lose its last moments when the machine dies; it must not slow down what it measures. */
    if (sqlite3_exec(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;", NULL, NULL, &problem) ||
        sqlite3_exec(database, schema_text(), NULL, NULL, &problem)) {
        error_set(error, ERROR_SYSTEM, "database: %s", problem ? problem : "unknown");
        sqlite3_free(problem);
        return false;
    }
    return true;
}

struct store *store_open(const char *folder, struct error *error)
{
    struct store *store = memory_allocate(sizeof(*store));
    char *path = memory_format("%s/devnet.sqlite", folder);
    bool opened;

    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->change, NULL);
    opened = sqlite3_open(path, &store->database) == SQLITE_OK;
    if (!opened)
        error_set(error, ERROR_SYSTEM, "cannot open %s: %s", path, sqlite3_errmsg(store->database));
    free(path);
    if (!opened || !prepare_database(store, error)) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sqlite3_close(store->database);
    pthread_cond_destroy(&store->change);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

void store_lock(struct store *store)
{
    pthread_mutex_lock(&store->lock);
}

void store_unlock(struct store *store)
{
    pthread_mutex_unlock(&store->lock);
}

bool store_wait(struct store *store, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    return pthread_cond_timedwait(&store->change, &store->lock, &until) != ETIMEDOUT;
}

void store_changed(struct store *store)
{
    pthread_cond_broadcast(&store->change);
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, const struct value *values, size_t count)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL) != SQLITE_OK)
        give_up(store, sql);
    for (size_t i = 0; i < count; i++) {
        int status = values[i].is_null ? sqlite3_bind_null(statement, (int)i + 1)
                     : values[i].text
                         ? sqlite3_bind_text(statement, (int)i + 1, values[i].text, -1, SQLITE_TRANSIENT)
                         : sqlite3_bind_int64(statement, (int)i + 1, values[i].integer);
        if (status != SQLITE_OK)
            give_up(store, sql);
    }
    return statement;
}

static bool step(struct store *store, sqlite3_stmt *statement, const char *sql)
{
    int status = sqlite3_step(statement);

    if (status != SQLITE_ROW && status != SQLITE_DONE)
        give_up(store, sql);
    return status == SQLITE_ROW;
}

int store_run(struct store *store, const char *sql, const struct value *values, size_t count)
{
    sqlite3_stmt *statement = prepare(store, sql, values, count);

    while (step(store, statement, sql))
        ;
    sqlite3_finalize(statement);
    return sqlite3_changes(store->database);
}

char *store_text(struct store *store, const char *sql, const struct value *values, size_t count)
{
    sqlite3_stmt *statement = prepare(store, sql, values, count);
    char *text = NULL;

    if (step(store, statement, sql))
        text = memory_copy_text((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return text;
}

int64_t store_integer(struct store *store, int64_t otherwise, const char *sql, const struct value *values,
                      size_t count)
{
    sqlite3_stmt *statement = prepare(store, sql, values, count);
    int64_t number = otherwise;

    if (step(store, statement, sql) && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

static json_t *column_value(sqlite3_stmt *statement, int column)
{
    json_t *value = NULL;

    if (sqlite3_column_type(statement, column) == SQLITE_INTEGER)
        value = json_integer(sqlite3_column_int64(statement, column));
    else if (sqlite3_column_type(statement, column) != SQLITE_NULL)
        value = json_string((const char *)sqlite3_column_text(statement, column));
    return value ? value : json_null();
}

static json_t *row_of(sqlite3_stmt *statement)
{
    json_t *row = json_object();

    for (int i = 0; i < sqlite3_column_count(statement); i++)
        json_object_set_new(row, sqlite3_column_name(statement, i), column_value(statement, i));
    return row;
}

json_t *store_row(struct store *store, const char *sql, const struct value *values, size_t count)
{
    sqlite3_stmt *statement = prepare(store, sql, values, count);
    json_t *row = step(store, statement, sql) ? row_of(statement) : NULL;

    sqlite3_finalize(statement);
    return row;
}

json_t *store_rows(struct store *store, const char *sql, const struct value *values, size_t count)
{
    sqlite3_stmt *statement = prepare(store, sql, values, count);
    json_t *rows = json_array();

    while (step(store, statement, sql))
        json_array_append_new(rows, row_of(statement));
    sqlite3_finalize(statement);
    return rows;
}

const char *row_text(const json_t *row, const char *field)
{
    const char *text = json_string_value(json_object_get(row, field));

    return text ? text : "";
}

int64_t row_integer(const json_t *row, const char *field)
{
    return json_integer_value(json_object_get(row, field));
}
