/*
 * All that the devnet knows, in one SQLite file, and the one lock of the program.
 *
 * A handler runs with the lock held from its first line to its last; what must not hold others up (bodies,
 * calls to a node, hashing) happens outside. Answers are often composed in SQL (json_object and friends),
 * because SQLite passes opaque JSON on digit by digit where Jansson would round it or refuse it. A statement
 * that fails is a bug of ours or a full disk: the program says so and ends.
 */
#ifndef DEVNET_STORE_H
#define DEVNET_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "libcommon/base/error.h"

struct store;

struct value {
    const char *text; /* NULL: `integer` counts, or SQL NULL when `is_null` */
    int64_t integer;
    bool is_null;
};

#define TEXT(string) store_text_value(string)
#define INTEGER(number) ((struct value){.integer = (number)})
#define VALUES(...)                                                                                          \
    (const struct value[]){__VA_ARGS__}, sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)
#define NO_VALUES NULL, 0

struct value store_text_value(const char *text);

struct store *store_open(const char *folder, struct error *error);
void store_close(struct store *store);

void store_lock(struct store *store);
void store_unlock(struct store *store);

/* Waits, without the lock, for store_changed() or `until_ms` (wall clock); false when the time is up. */
bool store_wait(struct store *store, int64_t until_ms);
void store_changed(struct store *store);

/* Runs a statement; how many rows it changed. */
int store_run(struct store *store, const char *sql, const struct value *values, size_t count);

/* First column of the first row as text, NULL when there is no row or it is NULL; free() it. */
char *store_text(struct store *store, const char *sql, const struct value *values, size_t count);

/* First column of the first row, `otherwise` when there is none. */
int64_t store_integer(struct store *store, int64_t otherwise, const char *sql, const struct value *values,
                      size_t count);

/* The first row as an object (NULL when there is none), all rows as an array of objects; json_decref() them.
 */
json_t *store_row(struct store *store, const char *sql, const struct value *values, size_t count);
json_t *store_rows(struct store *store, const char *sql, const struct value *values, size_t count);

/* Fields of such a row; "" and 0 for NULL. */
const char *row_text(const json_t *row, const char *field);
int64_t row_integer(const json_t *row, const char *field);

#endif
