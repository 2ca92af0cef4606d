/* Reads and look-ups (docs/network.md 4.1, 4.2). */
#include "tests/devnet/domain.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `a,b,,c` as a JSON array of texts. */
static char *ids_json(const char *ids)
{
    json_t *array = json_array();
    char *text;

    while (ids && *ids) {
        size_t length = strcspn(ids, ",");

        if (length > 0)
            json_array_append_new(array, json_stringn(ids, length));
        ids += length;
        ids += strspn(ids, ",");
    }
    text = json_dumps(array, JSON_COMPACT);
    json_decref(array);
    return text;
}

static json_t *find_data(struct exchange *exchange)
{
    const char *name = exchange_query(exchange, "name"), *data_type = exchange_query(exchange, "data_type");
    char *ids = ids_json(exchange_query(exchange, "ids"));
    bool by_id = exchange_has_query(exchange, "ids") && strcmp(ids, "[]") != 0;
    json_t *rows = store_rows(
        exchange->devnet->store,
        "SELECT * FROM data WHERE domain_id=?1 AND (?2 OR id IN (SELECT value FROM "
        "json_each(?3))) AND (?4 IS NULL OR name=?4) AND (?5 IS NULL OR data_type=?5) "
        "ORDER BY (SELECT key FROM json_each(?3) WHERE value=data.id), created_at, rowid",
        VALUES(TEXT(exchange->arguments[0]), INTEGER(!by_id), TEXT(ids), TEXT(name), TEXT(data_type)));

    free(ids);
    return rows;
}

void domain_answer_list(struct exchange *exchange, const json_t *rows)
{
    json_t *list = json_array();
    const json_t *row;
    size_t i;

    for (i = 0; (row = json_array_get(rows, i)) != NULL; i++) {
        char *text = domain_metadata(exchange->devnet, row_text(row, "id"));

        json_array_append_new(list, json_loads(text, 0, NULL));
        free(text);
    }
    exchange_answer_json(exchange, 200, json_pack("{s:o}", "data", list));
}

/* A value between quotes: `\` before `"` and `\`, as the contract's readers decode it. */
static char *quoted(const char *text)
{
    char *out = memory_allocate(2 * strlen(text) + 1);
    size_t length = 0;

    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            out[length++] = '\\';
        out[length++] = *text;
    }
    return out;
}

static char *part_header(const json_t *row, const char *boundary)
{
    char created[MOMENT_TEXT_BYTES], updated[MOMENT_TEXT_BYTES];
    char *name = quoted(row_text(row, "name")), *data_type = quoted(row_text(row, "data_type"));
    char *header = memory_format(
        "--%s\r\nContent-Type: application/octet-stream\r\nContent-Disposition: form-data; "
        "name=\"%s\"; data-type=\"%s\"; id=\"%s\"; domain-id=\"%s\"; size=\"%lld\"; "
        "created-at=\"%s\"; updated-at=\"%s\"\r\n\r\n",
        boundary, name, data_type, row_text(row, "id"), row_text(row, "domain_id"),
        (long long)row_integer(row, "size"), moment_text(row_integer(row, "created_at"), created),
        moment_text(row_integer(row, "updated_at"), updated));

    free(name);
    free(data_type);
    return header;
}

static void answer_parts(struct exchange *exchange, const json_t *rows)
{
    char boundary[TOKEN_TEXT_BYTES];
    const json_t *row;
    size_t i;

    random_token(boundary);
    exchange_answer(exchange, 200);
    exchange->answer.content_type = memory_format("multipart/form-data; boundary=%s", boundary);
    for (i = 0; (row = json_array_get(rows, i)) != NULL; i++) {
        answer_add_text(&exchange->answer, part_header(row, boundary));
        answer_add_file(&exchange->answer, memory_copy_text(row_text(row, "file")), row_integer(row, "size"));
        answer_add_text(&exchange->answer, memory_copy_text("\r\n"));
    }
    answer_add_text(&exchange->answer, memory_format("--%s--\r\n", boundary));
}

static void remember_lookup(struct exchange *exchange, const struct domain_caller *caller)
{
    store_run(exchange->devnet->store, "INSERT OR IGNORE INTO lookups(task, name, data_type) VALUES(?,?,?)",
              VALUES(TEXT(row_text(caller->task, "id")), TEXT(exchange_query(exchange, "name")),
                     TEXT(exchange_query(exchange, "data_type"))));
}

static bool is_bounded(const struct exchange *exchange)
{
    const char *ids = exchange_query(exchange, "ids");

    return (ids && ids[strspn(ids, ",")]) || exchange_query(exchange, "name") ||
           exchange_query(exchange, "data_type");
}

static bool check_read(struct exchange *exchange, const char *accept)
{
    bool list = accept && strcmp(accept, "application/json") == 0;

    if (!list && (!accept || strcmp(accept, "multipart/form-data") != 0) &&
        !exchange_tolerates(exchange, RULE_READ_ACCEPT, "Accept is %s", accept ? accept : "missing"))
        return false;
    if (!is_bounded(exchange) &&
        !exchange_tolerates(exchange, RULE_READ_UNBOUNDED, "it would read the whole domain"))
        return false;
    return !list || (exchange_query(exchange, "name") && exchange_query(exchange, "data_type")) ||
           exchange_tolerates(exchange, RULE_LOOKUP_EXACT, "name or data_type is missing");
}

void domain_read(struct exchange *exchange)
{
    const char *accept = exchange_header(exchange, "Accept");
    bool parts = accept && strcmp(accept, "multipart/form-data") == 0;
    bool list = accept && strcmp(accept, "application/json") == 0;
    struct domain_caller caller;
    json_t *rows;

    if (!domain_open(exchange, DOMAIN_READ, &caller))
        goto out;
    if (!exchange->by_app && !check_read(exchange, accept))
        goto out;
    if (!exchange->by_app && list)
        remember_lookup(exchange, &caller);
    rows = find_data(exchange);
    if (json_array_size(rows) == 0 && !(exchange->by_app && !parts))
        exchange_decline(exchange, 404, "no such data in this domain");
    else if (parts)
        answer_parts(exchange, rows);
    else
        domain_answer_list(exchange, rows);
    json_decref(rows);
out:
    domain_caller_clear(&caller);
}

/* With `raw=true` the bytes, else a multipart body of the one part. */
void domain_read_one(struct exchange *exchange)
{
    const char *raw = exchange_query(exchange, "raw"), *accept = exchange_header(exchange, "Accept");
    bool is_raw = raw && strcmp(raw, "true") == 0;
    struct domain_caller caller;
    json_t *rows = NULL;

    if (!domain_open(exchange, DOMAIN_READ, &caller))
        goto out;
    rows = store_rows(exchange->devnet->store, "SELECT * FROM data WHERE id=? AND domain_id=?",
                      VALUES(TEXT(exchange->arguments[1]), TEXT(exchange->arguments[0])));
    if (json_array_size(rows) == 0) {
        exchange_decline(exchange, 404, "no data %s in this domain", exchange->arguments[1]);
    } else if (!exchange->by_app && !is_raw && (!accept || strcmp(accept, "multipart/form-data") != 0) &&
               !exchange_tolerates(exchange, RULE_READ_ACCEPT,
                                   "neither raw=true nor Accept: multipart/form-data")) {
        goto out;
    } else if (is_raw) {
        const json_t *row = json_array_get(rows, 0);

        exchange_answer(exchange, 200);
        exchange->answer.content_type = memory_copy_text("application/octet-stream");
        answer_add_file(&exchange->answer, memory_copy_text(row_text(row, "file")), row_integer(row, "size"));
    } else {
        answer_parts(exchange, rows);
    }
out:
    json_decref(rows);
    domain_caller_clear(&caller);
}
