/* Leasing and heartbeats (docs/network.md 3.1 to 3.3). */
#include "tests/devnet/dms.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/token.h"

#include <stdlib.h>
#include <string.h>

/* The oldest override an admin left for this kind of answer, taken out of the queue; NULL when there is none.
 */
static json_t *take_override(struct devnet *devnet, const char *kind)
{
    json_t *row = store_row(devnet->store, "SELECT * FROM overrides WHERE kind=? ORDER BY seq LIMIT 1",
                            VALUES(TEXT(kind)));

    if (row)
        store_run(devnet->store, "DELETE FROM overrides WHERE seq=?",
                  VALUES(INTEGER(row_integer(row, "seq"))));
    return row;
}

/* `text` (taken) changed as the override says: wholly replaced, or patched (RFC 7386). */
static char *apply_override(struct devnet *devnet, const json_t *override, char *text)
{
    char *changed;

    if (!override)
        return text;
    if (*row_text(override, "raw"))
        changed = memory_copy_text(row_text(override, "raw"));
    else
        changed = store_text(devnet->store, "SELECT json_patch(?, ?)",
                             VALUES(TEXT(text), TEXT(row_text(override, "patch"))));
    free(text);
    return changed;
}

static char *envelope_text(struct exchange *exchange, const json_t *task)
{
    struct devnet *devnet = exchange->devnet;
    char token[TOKEN_TEXT_BYTES];
    int64_t until = token_issue_domain(exchange, task, token);

    return store_text(
        devnet->store,
        "SELECT json_object('access_token', ?1, 'access_token_expires_at', moment(?2), 'lease_expires_at', "
        "moment(t.lease_expires_at), 'cancel', json('false'), 'status', t.status, 'domain_id', j.domain_id, "
        "'domain_server_url', ?3 || '/domain', 'task', json_object('id', t.known_as, 'job_id', t.job_id, "
        "'capability', t.capability, 'capability_filters', json(t.capability_filters), 'inputs_cids', "
        "json(t.inputs_cids), 'outputs_prefix', t.outputs_prefix, 'label', t.label, 'stage', t.stage, "
        "'meta', "
        "json(t.meta), 'priority', t.priority, 'attempts', t.attempts, 'max_attempts', t.max_attempts, "
        "'deps_remaining', t.deps_remaining, 'status', t.status, 'mode', t.mode, 'organization_filter', "
        "NULL, "
        "'billing_units', NULL, 'estimated_credit_cost', NULL, 'debited_amount', NULL, 'debited_at', NULL, "
        "'lease_expires_at', moment(t.lease_expires_at))) FROM tasks t JOIN jobs j ON j.id=t.job_id WHERE "
        "t.id=?4",
        VALUES(TEXT(token), INTEGER(until), TEXT(devnet->origin), TEXT(row_text(task, "id"))));
}

static void lease_task(struct exchange *exchange, const char *task_id, const char *address)
{
    struct devnet *devnet = exchange->devnet;
    int64_t now = moment_now_ms();
    json_t *task, *override = take_override(devnet, "lease");
    char *envelope;

    store_run(
        devnet->store,
        "UPDATE tasks SET status='leased', node=?, attempts=attempts+1, lease_started_at=?, "
        "lease_expires_at=?, "
        "lease_ended_at=NULL, first_heartbeat_at=NULL, artifact_suffix=NULL, cancel_requested=0, "
        "cancel_told_at=NULL, cancelled_envelope=0, lost_told_at=NULL, report_kind=NULL, report_body=NULL "
        "WHERE id=?",
        VALUES(TEXT(address), INTEGER(now), INTEGER(now + devnet->tuning.lease_ttl_ms), TEXT(task_id)));
    task = store_row(devnet->store, "SELECT * FROM tasks WHERE id=?", VALUES(TEXT(task_id)));
    exchange->task = memory_copy_text(task_id);
    envelope = apply_override(devnet, override, envelope_text(exchange, task));
    if (store_integer(devnet->store, 0,
                      "SELECT CASE WHEN json_valid(?1) THEN json_extract(?1, '$.cancel') ELSE 0 END",
                      VALUES(TEXT(envelope)))) {
        store_run(devnet->store, "UPDATE tasks SET cancelled_envelope=1, status='cancelled' WHERE id=?",
                  VALUES(TEXT(task_id)));
        dms_settle_job(devnet, row_text(task, "job_id"));
    }
    /* A node that was given no token goes to storage without one, and rightly so. */
    store_run(
        devnet->store,
        "UPDATE tasks SET tokenless=CASE WHEN json_valid(?1) THEN json_extract(?1, '$.access_token') IS NULL "
        "ELSE 0 END WHERE id=?2",
        VALUES(TEXT(envelope), TEXT(task_id)));
    exchange_answer_text(exchange, 200, "application/json", envelope);
    json_decref(override);
    json_decref(task);
    store_changed(devnet->store);
}

/* The task that comes first among those of the node's capabilities, or of the wanted ones if there are any.
 * free() it. */
static char *next_task(struct store *store, const json_t *node, const json_t *wanted)
{
    char *capabilities = json_dumps(wanted, JSON_COMPACT);
    char *task_id = store_text(
        store,
        "SELECT t.id FROM tasks t JOIN jobs j ON j.id=t.job_id WHERE t.status='pending' AND "
        "t.capability IN (SELECT value FROM json_each(?1)) AND (coalesce(json_array_length(?2), 0)=0 OR "
        "t.capability IN (SELECT value FROM json_each(?2))) ORDER BY j.priority DESC, t.priority DESC, "
        "j.created_at, t.position LIMIT 1",
        VALUES(TEXT(row_text(node, "capabilities")), TEXT(capabilities)));

    free(capabilities);
    return task_id;
}

void dms_lease(struct exchange *exchange)
{
    json_t *node = token_check_access(exchange);
    json_t *wanted = node ? exchange_query_list(exchange, "capability") : NULL;
    char *task_id = NULL;

    if (!node)
        return;
    if ((!wanted || exchange->body_length > 0) &&
        !exchange_tolerates(exchange, RULE_LEASE_REQUEST, "another query or a body came with it"))
        goto out;
    dms_expire_leases(exchange->devnet);
    task_id = next_task(exchange->devnet->store, node, wanted);
    if (task_id)
        lease_task(exchange, task_id, row_text(node, "address"));
    else
        exchange_answer(exchange, 204);
out:
    free(task_id);
    json_decref(wanted);
    json_decref(node);
}

json_t *dms_find_task(struct exchange *exchange, const json_t *node)
{
    struct store *store = exchange->devnet->store;
    const char *name = exchange->arguments[0];
    json_t *task = store_row(store,
                             "SELECT t.*, j.domain_id FROM task_names n JOIN tasks t ON t.id=n.task "
                             "JOIN jobs j ON j.id=t.job_id WHERE n.name=?",
                             VALUES(TEXT(name)));

    if (!task) {
        exchange_decline(exchange, 404, "no task %s", name);
        return NULL;
    }
    exchange->task = memory_copy_text(row_text(task, "id"));
    if (strcmp(row_text(task, "known_as"), name) != 0 &&
        !exchange_tolerates(exchange, RULE_TASK_RENAMED, "the task is now called %s",
                            row_text(task, "known_as")))
        goto refused;
    if (strcmp(row_text(task, "node"), row_text(node, "address")) == 0 &&
        row_integer(task, "cancelled_envelope"))
        exchange_refuse(exchange, RULE_CANCELLED_ENVELOPE, "it was leased with cancel: true");
    else
        return task;
refused:
    json_decref(task);
    return NULL;
}

const char *dms_artifact_suffix(const json_t *task)
{
    return *row_text(task, "artifact_suffix") ? row_text(task, "artifact_suffix")
                                              : row_text(task, "known_as");
}

bool dms_lease_is_live(const json_t *task, const json_t *node)
{
    const char *status = row_text(task, "status");

    return strcmp(row_text(task, "node"), row_text(node, "address")) == 0 &&
           !*row_text(task, "report_kind") &&
           (strcmp(status, "leased") == 0 || strcmp(status, "cancelled") == 0) &&
           row_integer(task, "lease_expires_at") > moment_now_ms();
}

static bool is_reported_by(const json_t *task, const json_t *node)
{
    return strcmp(row_text(task, "node"), row_text(node, "address")) == 0 && *row_text(task, "report_kind");
}

/*
 * When the node heard what became of its report: 0 while the answer is still under way (a fault may hold it
 * up), INT64_MAX when a fault has bent it, so that it counts as not heard.
 */
static int64_t report_answered_at(struct exchange *exchange, const json_t *task)
{
    return store_integer(
        exchange->devnet->store, 0,
        "SELECT CASE WHEN count(*)=0 THEN 0 ELSE coalesce(min(CASE WHEN coalesce(fault, 'latency')='latency' "
        "AND status IN (200, 409) THEN at+took_ms END), ?3) END FROM requests WHERE task=?1 AND "
        "at+took_ms>=?2 AND (target GLOB '*/complete' OR target GLOB '*/fail')",
        VALUES(TEXT(row_text(task, "id")), INTEGER(row_integer(task, "lease_ended_at")), INTEGER(INT64_MAX)));
}

/* Heartbeats go on until the report's answer is there; those that crossed it are in time, too. */
static bool check_reported(struct exchange *exchange, const json_t *task)
{
    const struct tuning *tuning = &exchange->devnet->tuning;
    int64_t answered_at = report_answered_at(exchange, task);

    if (tuning->restarts_allowed || exchange->started_ms - tuning->race_grace_ms < answered_at)
        return true;
    return exchange_refuse(exchange, RULE_HEARTBEAT_REPORTED, "the report was answered %d ms before",
                           (int)(exchange->started_ms - answered_at));
}

static void decline_lost(struct exchange *exchange, const json_t *task, const json_t *node)
{
    int64_t now = moment_now_ms();
    bool another = strcmp(row_text(task, "node"), row_text(node, "address")) != 0;

    if (is_reported_by(task, node) && !check_reported(exchange, task))
        return;
    if (!another && !exchange->has_fault)
        store_run(exchange->devnet->store,
                  "UPDATE tasks SET lost_told_at=coalesce(lost_told_at, ?1), "
                  "lease_ended_at=coalesce(lease_ended_at, ?1) WHERE id=?2",
                  VALUES(INTEGER(now), TEXT(row_text(task, "id"))));
    exchange_decline(exchange, another ? 409 : 410, "the lease is not yours any more (%s)",
                     row_text(task, "status"));
}

static bool check_heartbeat(struct exchange *exchange, const json_t *task)
{
    struct store *store = exchange->devnet->store;
    const char *body = exchange->body;

    if (!exchange_check_json(exchange))
        return false;
    if (!store_integer(
            store, 0,
            "SELECT (SELECT group_concat(key) FROM (SELECT key FROM json_each(?1) ORDER BY key)) = "
            "'events,progress' AND json_type(?1, '$.events') = 'array'",
            VALUES(TEXT(body))) &&
        !exchange_tolerates(exchange, RULE_HEARTBEAT_SHAPE,
                            "it must have progress and an array of events, only"))
        return false;
    if (!row_integer(task, "first_heartbeat_at") &&
        !store_integer(store, 0, "SELECT ?1 -> '$.progress' = '{}' AND ?1 -> '$.events' = '[]'",
                       VALUES(TEXT(body))) &&
        !exchange_tolerates(exchange, RULE_HEARTBEAT_FIRST_SHAPE, "the first one carries progress or events"))
        return false;
    return true;
}

static void keep_heartbeat(struct exchange *exchange, const json_t *task)
{
    struct devnet *devnet = exchange->devnet;
    const char *id = row_text(task, "id");
    int64_t now = moment_now_ms();

    store_run(
        devnet->store,
        "UPDATE tasks SET heartbeats=heartbeats+1, progress=?1 -> '$.progress', lease_expires_at=?2, "
        "first_heartbeat_at=coalesce(first_heartbeat_at, ?3) WHERE id=?4",
        VALUES(TEXT(exchange->body), INTEGER(now + devnet->tuning.lease_ttl_ms), INTEGER(now), TEXT(id)));
    store_run(devnet->store,
              "INSERT INTO events(task, attempt, event) SELECT ?2, ?3, ?1 -> fullkey FROM json_each(?1, "
              "'$.events')",
              VALUES(TEXT(exchange->body), TEXT(id), INTEGER(row_integer(task, "attempts"))));
}

/* Whether this heartbeat's answer brings a new domain token. */
static bool token_is_due(struct devnet *devnet, const json_t *task)
{
    int64_t left =
        store_integer(devnet->store, 0,
                      "SELECT max(expires_at) FROM tokens WHERE kind='domain' AND task=? AND attempt=? "
                      "AND revoked=0",
                      VALUES(TEXT(row_text(task, "id")), INTEGER(row_integer(task, "attempts")))) -
        moment_now_ms();

    return devnet->tuning.rotate_domain_token || left < devnet->tuning.domain_token_ttl_ms / 2;
}

/* Takes over a new name from the answer; the name after the first heartbeat also names the artifacts. */
static void take_name(struct exchange *exchange, const char *task_id, const char *answer)
{
    struct store *store = exchange->devnet->store;
    char *name = store_text(store,
                            "SELECT CASE WHEN json_valid(?1) THEN "
                            "coalesce(json_extract(?1, '$.task.id'), json_extract(?1, '$.task_id')) END",
                            VALUES(TEXT(answer)));

    if (name && !exchange->has_fault) {
        store_run(store, "UPDATE tasks SET known_as=? WHERE id=?", VALUES(TEXT(name), TEXT(task_id)));
        store_run(store, "INSERT OR IGNORE INTO task_names(name, task) VALUES(?, ?)",
                  VALUES(TEXT(name), TEXT(task_id)));
    }
    store_run(store, "UPDATE tasks SET artifact_suffix=known_as WHERE id=? AND artifact_suffix IS NULL",
              VALUES(TEXT(task_id)));
    free(name);
}

static void answer_heartbeat(struct exchange *exchange, const json_t *task)
{
    struct devnet *devnet = exchange->devnet;
    const char *id = row_text(task, "id");
    json_t *override = take_override(devnet, "heartbeat");
    char token[TOKEN_TEXT_BYTES];
    bool rotate = token_is_due(devnet, task);
    int64_t until = rotate ? token_issue_domain(exchange, task, token) : 0;
    bool cancel = row_integer(task, "cancel_requested");
    char *answer;

    answer = store_text(
        devnet->store,
        "SELECT json_patch(json_object('task_id', known_as, 'job_id', job_id, 'attempts', attempts, "
        "'max_attempts', max_attempts, 'deps_remaining', deps_remaining, 'status', status, 'cancel', "
        "json(?1), 'lease_expires_at', moment(lease_expires_at)), json_object('access_token', ?2, "
        "'access_token_expires_at', moment(?3))) FROM tasks WHERE id=?4",
        VALUES(TEXT(cancel ? "true" : "false"), TEXT(rotate ? token : NULL),
               rotate ? INTEGER(until) : TEXT(NULL), TEXT(id)));
    answer = apply_override(devnet, override, answer);
    take_name(exchange, id, answer);
    if (cancel && !exchange->has_fault)
        store_run(devnet->store, "UPDATE tasks SET cancel_told_at=coalesce(cancel_told_at, ?) WHERE id=?",
                  VALUES(INTEGER(moment_now_ms()), TEXT(id)));
    exchange_answer_text(exchange, 200, "application/json", answer);
    json_decref(override);
}

void dms_heartbeat(struct exchange *exchange)
{
    json_t *node = token_check_access(exchange);
    json_t *task = node ? dms_find_task(exchange, node) : NULL;

    bool under_way = is_reported_by(task, node) && report_answered_at(exchange, task) == 0;

    if (task && !under_way && !dms_lease_is_live(task, node)) {
        decline_lost(exchange, task, node);
    } else if (task && check_heartbeat(exchange, task)) {
        keep_heartbeat(exchange, task);
        answer_heartbeat(exchange, task);
        store_changed(exchange->devnet->store);
    }
    json_decref(task);
    json_decref(node);
}
