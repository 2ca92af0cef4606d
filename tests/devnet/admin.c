#include "tests/devnet/admin.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/dms.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"

#include <stdlib.h>
#include <string.h>

static int64_t number_of(const struct exchange *exchange, const char *name)
{
    const char *text = exchange_query(exchange, name);

    return text ? strtoll(text, NULL, 10) : 0;
}

/*
 * The rows above ?since=, oldest first; with ?wait_ms= it waits until there is one. `sql` selects rows with a
 * `seq` above ?1; `last` is where to go on.
 */
static void answer_since(struct exchange *exchange, const char *name, const char *sql)
{
    struct devnet *devnet = exchange->devnet;
    int64_t since = number_of(exchange, "since"), until = moment_now_ms() + number_of(exchange, "wait_ms");
    json_t *rows;
    json_int_t last;

    if (!exchange_require_app(exchange))
        return;
    for (;;) {
        rows = store_rows(devnet->store, sql,
                          VALUES(INTEGER(since), TEXT(exchange_query(exchange, "path")),
                                 TEXT(exchange_query(exchange, "method"))));
        if (json_array_size(rows) > 0 || devnet->stopping || moment_now_ms() >= until)
            break;
        json_decref(rows);
        store_wait(devnet->store, until);
    }
    last =
        json_array_size(rows) ? row_integer(json_array_get(rows, json_array_size(rows) - 1), "seq") : since;
    exchange_answer_json(exchange, 200, json_pack("{s:o, s:I}", name, rows, "last", last));
}

void admin_violations(struct exchange *exchange)
{
    answer_since(
        exchange, "violations",
        "SELECT seq, at, rule, detail, method, target AS path, task FROM violations WHERE seq>?1 AND "
        "(?2 IS NULL OR target GLOB ?2) AND (?3 IS NULL OR method=?3) ORDER BY seq");
}

void admin_forget_violations(struct exchange *exchange)
{
    if (!exchange_require_app(exchange))
        return;
    store_run(exchange->devnet->store, "DELETE FROM violations", NO_VALUES);
    exchange_answer(exchange, 204);
}

/* `path` is an SQLite GLOB over path and query; admin's own requests are left out, for waiting on them would
 * spin. */
void admin_requests(struct exchange *exchange)
{
    answer_since(
        exchange, "requests",
        "SELECT seq, at, took_ms, method, target AS path, status, task, rule, fault FROM requests WHERE "
        "seq>?1 AND (?2 IS NULL OR target GLOB ?2) AND (?3 IS NULL OR method=?3) "
        "AND target NOT LIKE '/admin/%' ORDER BY seq LIMIT 1000");
}

static void answer_rows(struct exchange *exchange, const char *name, const char *sql)
{
    if (exchange_require_app(exchange))
        exchange_answer_json(exchange, 200,
                             json_pack("{s:o}", name, store_rows(exchange->devnet->store, sql, NO_VALUES)));
}

void admin_data(struct exchange *exchange)
{
    answer_rows(exchange, "data", "SELECT * FROM data ORDER BY created_at, rowid");
}

void admin_uploads(struct exchange *exchange)
{
    answer_rows(exchange, "uploads",
                "SELECT u.*, (SELECT count(*) FROM parts WHERE upload=u.id) AS parts FROM uploads u ORDER BY "
                "created_at");
}

void admin_nodes(struct exchange *exchange)
{
    answer_rows(exchange, "nodes", "SELECT * FROM nodes ORDER BY registered_at");
}

/* --- faults and settings --- */

void admin_list_faults(struct exchange *exchange)
{
    if (exchange_require_app(exchange))
        exchange_answer_json(exchange, 200,
                             json_pack("{s:o}", "faults", faults_json(exchange->devnet->faults)));
}

static void set_faults(struct exchange *exchange, bool replace)
{
    json_t *array;
    struct error error;

    if (!exchange_require_app(exchange))
        return;
    array = json_loads(exchange->body, 0, NULL);
    if (faults_set(exchange->devnet->faults, array, replace, &error))
        admin_list_faults(exchange);
    else
        exchange_decline(exchange, 400, "%s", error.text);
    json_decref(array);
}

void admin_add_faults(struct exchange *exchange)
{
    set_faults(exchange, false);
}

void admin_replace_faults(struct exchange *exchange)
{
    set_faults(exchange, true);
}

void admin_clear_faults(struct exchange *exchange)
{
    struct error error;
    json_t *none = json_array();

    if (exchange_require_app(exchange) && faults_set(exchange->devnet->faults, none, true, &error))
        exchange_answer(exchange, 204);
    json_decref(none);
}

void admin_show_settings(struct exchange *exchange)
{
    if (exchange_require_app(exchange))
        exchange_answer_json(exchange, 200, tuning_json(&exchange->devnet->tuning));
}

void admin_change_settings(struct exchange *exchange)
{
    json_t *changes;
    struct error error;

    if (!exchange_require_app(exchange))
        return;
    changes = json_loads(exchange->body, 0, NULL);
    if (!json_is_object(changes))
        exchange_decline(exchange, 400, "settings are an object of numbers");
    else if (tuning_apply(&exchange->devnet->tuning, changes, &error))
        admin_show_settings(exchange);
    else
        exchange_decline(exchange, 400, "%s", error.text);
    json_decref(changes);
}

/*
 * The next answer of a kind (`lease`, `heartbeat`) is changed: {"patch": {...}} merges (RFC 7386: null
 * removes a field),
 * {"raw": "..."} replaces it by a text. Several wait in a queue.
 */
void admin_override(struct exchange *exchange)
{
    struct store *store = exchange->devnet->store;
    const char *kind = exchange->arguments[0];

    if (!exchange_require_app(exchange))
        return;
    if ((strcmp(kind, "lease") != 0 && strcmp(kind, "heartbeat") != 0) ||
        !store_integer(store, 0, "SELECT json_valid(?)", VALUES(TEXT(exchange->body)))) {
        exchange_decline(exchange, 400,
                         "an override is {\"patch\": {...}} or {\"raw\": \"...\"} for lease or heartbeat");
        return;
    }
    store_run(store, "INSERT INTO overrides(kind, patch, raw) VALUES(?2, ?1 -> '$.patch', ?1 ->> '$.raw')",
              VALUES(TEXT(exchange->body), TEXT(kind)));
    exchange_answer(exchange, 204);
}

void admin_clear_overrides(struct exchange *exchange)
{
    if (!exchange_require_app(exchange))
        return;
    store_run(exchange->devnet->store, "DELETE FROM overrides", NO_VALUES);
    exchange_answer(exchange, 204);
}

/* --- what a network may do to a node --- */

/* `access` or `domain`: all tokens of that kind are refused from now on. */
void admin_revoke_tokens(struct exchange *exchange)
{
    int revoked;

    if (!exchange_require_app(exchange))
        return;
    revoked = store_run(exchange->devnet->store, "UPDATE tokens SET revoked=1 WHERE kind=? AND revoked=0",
                        VALUES(TEXT(exchange->arguments[0])));
    exchange_answer_json(exchange, 200, json_pack("{s:i}", "revoked", revoked));
}

/* All leases (?task=ID: one) are taken back; their nodes learn of it with the next heartbeat. */
void admin_expire_leases(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    json_t *leased;
    const json_t *task;
    size_t i;

    if (!exchange_require_app(exchange))
        return;
    leased = store_rows(devnet->store, "SELECT id FROM tasks WHERE status='leased' AND (?1 IS NULL OR id=?1)",
                        VALUES(TEXT(exchange_query(exchange, "task"))));
    for (i = 0; (task = json_array_get(leased, i)) != NULL; i++)
        dms_requeue(devnet, row_text(task, "id"), "lease_expired_by_admin", NULL);
    exchange_answer_json(exchange, 200, json_pack("{s:i}", "expired", (int)json_array_size(leased)));
    json_decref(leased);
}

/* Every node's registration is gone: its next login gets 403. */
void admin_forget_nodes(struct exchange *exchange)
{
    if (!exchange_require_app(exchange))
        return;
    store_run(exchange->devnet->store, "UPDATE nodes SET state='forgotten', client_id=NULL", NO_VALUES);
    store_run(exchange->devnet->store, "DELETE FROM client_ids", NO_VALUES);
    exchange_answer(exchange, 204);
}

/* Every registered node is called back (anew), with a new secret. */
void admin_call_back(struct exchange *exchange)
{
    if (!exchange_require_app(exchange))
        return;
    store_run(
        exchange->devnet->store,
        "UPDATE nodes SET callback_due_at=?, callback_tries=0 WHERE state='registered' AND url IS NOT NULL",
        VALUES(INTEGER(moment_now_ms())));
    store_changed(exchange->devnet->store);
    exchange_answer(exchange, 204);
}
