#include "tests/devnet/token.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/moment.h"

#include <stdlib.h>
#include <string.h>

int64_t token_issue_access(struct devnet *devnet, const char *address, char token[TOKEN_TEXT_BYTES])
{
    int64_t now = moment_now_ms(), until = now + devnet->tuning.access_token_ttl_ms;

    random_token(token);
    store_run(devnet->store,
              "INSERT INTO tokens(token, kind, address, issued_at, expires_at) VALUES(?, 'access', ?, ?, ?)",
              VALUES(TEXT(token), TEXT(address), INTEGER(now), INTEGER(until)));
    return until;
}

int64_t token_issue_domain(struct exchange *exchange, const json_t *task, char token[TOKEN_TEXT_BYTES])
{
    struct devnet *devnet = exchange->devnet;
    int64_t now = moment_now_ms(), until = now + devnet->tuning.domain_token_ttl_ms;

    random_token(token);
    /* An answer that a fault bends may never tell the node, which then rightly goes on with the token it has.
     */
    if (!exchange->has_fault)
        store_run(devnet->store,
                  "UPDATE tokens SET replaced_at=? WHERE kind='domain' AND task=? AND attempt=? AND "
                  "replaced_at IS NULL",
                  VALUES(INTEGER(now), TEXT(row_text(task, "id")), INTEGER(row_integer(task, "attempts"))));
    store_run(devnet->store,
              "INSERT INTO tokens(token, kind, address, task, attempt, domain_id, issued_at, expires_at) "
              "SELECT ?, 'domain', t.node, t.id, t.attempts, j.domain_id, ?, ? FROM tasks t JOIN jobs j "
              "ON j.id=t.job_id WHERE t.id=?",
              VALUES(TEXT(token), INTEGER(now), INTEGER(until), TEXT(row_text(task, "id"))));
    return until;
}

/* Remembers a 401 that the node will hear of: what it does with the token afterwards is judged. */
static void note_refusal(struct exchange *exchange, const char *token)
{
    struct store *store = exchange->devnet->store;

    store_run(store, "UPDATE tokens SET refused_at=coalesce(refused_at, ?) WHERE token=?",
              VALUES(INTEGER(moment_now_ms()), TEXT(token)));
    store_run(store,
              "INSERT INTO refusals(token, request, times) VALUES(?1, ?2, 1) "
              "ON CONFLICT(token, request) DO UPDATE SET times=times+1",
              VALUES(TEXT(token), TEXT(exchange->target)));
}

/* The token's row when it is of this kind and still good; NULL when the request was refused. */
static json_t *check(struct exchange *exchange, const char *kind, enum rule missing, enum rule unknown)
{
    struct devnet *devnet = exchange->devnet;
    const char *token = exchange_bearer(exchange);
    json_t *row;

    if (!token && missing == RULE_STORAGE_AUTHORIZATION &&
        store_integer(devnet->store, 0, "SELECT count(*) FROM tasks WHERE status='leased' AND tokenless",
                      NO_VALUES)) {
        exchange_decline(exchange, 401, "no Authorization, as a lease had no token");
        return NULL;
    }
    if (!token) {
        exchange_refuse(exchange, missing, "no Authorization: Bearer");
        return NULL;
    }
    row = store_row(devnet->store, "SELECT * FROM tokens WHERE token=?", VALUES(TEXT(token)));
    if (!row) {
        exchange_refuse(exchange, unknown, "the token was never issued");
    } else if (strcmp(row_text(row, "kind"), kind) != 0) {
        exchange_refuse(exchange, RULE_TOKEN_WRONG_SERVICE, "the token is a %s token", row_text(row, "kind"));
    } else if (row_integer(row, "revoked") || row_integer(row, "expires_at") <= exchange->started_ms) {
        /* The one refusal is legitimate; coming back with the same token is judged by kind. */
        exchange_decline(exchange, 401, "the token has expired");
        /* A latency that follows the request's effect spares refusals: the node hears of this one. */
        if (!exchange->has_fault || (exchange->fault.kind == FAULT_LATENCY && exchange->fault.after))
            note_refusal(exchange, token);
        json_object_set_new(row, "declined", json_integer(1));
        return row;
    } else {
        return row;
    }
    json_decref(row);
    return NULL;
}

json_t *token_check_access(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    json_t *token = check(exchange, "access", RULE_DMS_AUTHORIZATION, RULE_ACCESS_TOKEN_UNKNOWN);
    json_t *node = NULL;

    if (!token)
        return NULL;
    if (!row_integer(token, "declined")) {
        node = store_row(devnet->store, "SELECT * FROM nodes WHERE address=? AND state='registered'",
                         VALUES(TEXT(row_text(token, "address"))));
        if (!node)
            exchange_decline(exchange, 403, "the node is not registered any more");
    } else if (row_integer(token, "refused_at") &&
               exchange->started_ms >= row_integer(token, "refused_at") + devnet->tuning.race_grace_ms) {
        exchange_refuse(exchange, RULE_ACCESS_TOKEN_REUSED, "the token was refused with 401 before");
    }
    json_decref(token);
    return node;
}

static void remember_client_id(struct store *store, const json_t *token, const char *client_id)
{
    store_run(store, "REPLACE INTO client_ids(task, attempt, client_id) VALUES(?,?,?)",
              VALUES(TEXT(row_text(token, "task")), INTEGER(row_integer(token, "attempt")), TEXT(client_id)));
    store_run(store, "UPDATE nodes SET client_id=? WHERE address=?",
              VALUES(TEXT(client_id), TEXT(row_text(token, "address"))));
}

/* One for the process or one for each lease, but never two in one lease. */
static bool check_client_id(struct exchange *exchange, const json_t *token, bool optional)
{
    struct devnet *devnet = exchange->devnet;
    const char *client_id = exchange_header(exchange, "posemesh-client-id");
    char *known;
    bool fine = true;

    if (!client_id && optional)
        return true;
    if (!client_id || !*client_id)
        return exchange_tolerates(exchange, RULE_CLIENT_ID_MISSING, "no posemesh-client-id");
    known = store_text(devnet->store, "SELECT client_id FROM client_ids WHERE task=? AND attempt=?",
                       VALUES(TEXT(row_text(token, "task")), INTEGER(row_integer(token, "attempt"))));
    if (known && strcmp(known, client_id) != 0 && !devnet->tuning.restarts_allowed)
        fine = exchange_tolerates(exchange, RULE_CLIENT_ID_CHANGED, "posemesh-client-id was %s and is %s",
                                  known, client_id);
    else
        remember_client_id(devnet->store, token, client_id);
    free(known);
    return fine;
}

/* A 401 has just been answered: the same token may be tried once more, not twice. */
static void judge_refused(struct exchange *exchange)
{
    int64_t times =
        store_integer(exchange->devnet->store, 0, "SELECT times FROM refusals WHERE token=? AND request=?",
                      VALUES(TEXT(exchange_bearer(exchange)), TEXT(exchange->target)));

    if (times > 2)
        exchange_refuse(exchange, RULE_DOMAIN_TOKEN_THIRD, "the same token for the same request, %d times",
                        (int)times);
}

static bool check_newest(struct exchange *exchange, const json_t *token)
{
    const struct tuning *tuning = &exchange->devnet->tuning;
    int64_t replaced_at = row_integer(token, "replaced_at");

    return tuning->restarts_allowed || !replaced_at ||
           exchange->started_ms < replaced_at + tuning->race_grace_ms ||
           exchange_tolerates(exchange, RULE_DOMAIN_TOKEN_STALE, "a newer token was delivered %d ms before",
                              (int)(exchange->started_ms - replaced_at));
}

json_t *token_check_domain(struct exchange *exchange, bool client_id_is_optional)
{
    json_t *token = check(exchange, "domain", RULE_STORAGE_AUTHORIZATION, RULE_DOMAIN_TOKEN_UNKNOWN);

    if (!token)
        return NULL;
    exchange->task = memory_copy_text(row_text(token, "task"));
    if (row_integer(token, "declined"))
        judge_refused(exchange);
    else if (check_newest(exchange, token) && check_client_id(exchange, token, client_id_is_optional))
        return token;
    json_decref(token);
    return NULL;
}
