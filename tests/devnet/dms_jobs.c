/* Jobs for people and tools (docs/network.md 3.6) and the life of their tasks: requeueing, cancelling. */
#include "tests/devnet/dms.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/signature.h"

#include <stdlib.h>
#include <string.h>

void dms_settle_job(struct devnet *devnet, const char *job_id)
{
    struct store *store = devnet->store;

    if (store_integer(store, 0, "SELECT count(*) FROM tasks WHERE job_id=? AND status='failed'",
                      VALUES(TEXT(job_id))))
        store_run(store,
                  "UPDATE tasks SET status='cancelled' WHERE job_id=? AND status IN ('pending', 'blocked')",
                  VALUES(TEXT(job_id)));
    /* What waits for a cancelled task waits in vain; what does not goes on. */
    store_run(
        store,
        "WITH RECURSIVE vain(id) AS (SELECT id FROM tasks WHERE job_id=?1 AND status='cancelled' UNION "
        "SELECT to_task FROM edges JOIN vain ON from_task=vain.id) UPDATE tasks SET status='cancelled' WHERE "
        "job_id=?1 AND status='blocked' AND id IN vain",
        VALUES(TEXT(job_id)));
    store_run(
        store,
        "UPDATE jobs SET status=CASE WHEN EXISTS(SELECT 1 FROM tasks WHERE job_id=?1 AND status='failed') "
        "THEN "
        "'failed' WHEN EXISTS(SELECT 1 FROM tasks WHERE job_id=?1 AND status='cancelled') THEN 'cancelled' "
        "ELSE 'completed' END WHERE id=?1 AND NOT EXISTS(SELECT 1 FROM tasks WHERE job_id=?1 AND "
        "status IN ('blocked', 'pending', 'leased'))",
        VALUES(TEXT(job_id)));
    store_changed(store);
}

void dms_task_ended(struct devnet *devnet, const char *task_id)
{
    struct store *store = devnet->store;
    char *job_id = store_text(store, "SELECT job_id FROM tasks WHERE id=?", VALUES(TEXT(task_id)));

    /* A successor reads what its predecessors made: their output_cids go to the end of its inputs_cids. */
    store_run(
        store,
        "UPDATE tasks SET deps_remaining=deps_remaining-1, inputs_cids=(SELECT json_group_array(value) FROM ("
        "SELECT value FROM json_each(tasks.inputs_cids) UNION ALL "
        "SELECT value FROM json_each((SELECT output_cids FROM tasks WHERE id=?1)))) "
        "WHERE id IN (SELECT to_task FROM edges WHERE from_task=?1)",
        VALUES(TEXT(task_id)));
    store_run(store,
              "UPDATE tasks SET status='pending' WHERE job_id=? AND status='blocked' AND deps_remaining=0",
              VALUES(TEXT(job_id)));
    dms_settle_job(devnet, job_id);
    free(job_id);
}

void dms_requeue(struct devnet *devnet, const char *task_id, const char *reason, const char *details)
{
    char *job_id = store_text(devnet->store, "SELECT job_id FROM tasks WHERE id=?", VALUES(TEXT(task_id)));

    store_run(
        devnet->store,
        "UPDATE tasks SET status=CASE WHEN cancel_requested THEN 'cancelled' WHEN attempts<max_attempts THEN "
        "'pending' ELSE 'failed' END, fail_reason=?1, fail_details=?2 WHERE id=?3",
        VALUES(TEXT(reason), TEXT(details), TEXT(task_id)));
    dms_settle_job(devnet, job_id);
    free(job_id);
}

void dms_expire_leases(struct devnet *devnet)
{
    json_t *late = store_rows(
        devnet->store, "SELECT id, lease_expires_at FROM tasks WHERE status='leased' AND lease_expires_at<=?",
        VALUES(INTEGER(moment_now_ms())));
    const json_t *task;
    size_t i;

    for (i = 0; (task = json_array_get(late, i)) != NULL; i++) {
        store_run(devnet->store, "UPDATE tasks SET lease_ended_at=lease_expires_at WHERE id=?",
                  VALUES(TEXT(row_text(task, "id"))));
        dms_requeue(devnet, row_text(task, "id"), "lease_expired", NULL);
    }
    json_decref(late);
}

static bool keys_are(struct store *store, const char *body, const char *path, const char *keys)
{
    return store_integer(
        store, 0,
        "SELECT (SELECT group_concat(key, ' ') FROM (SELECT key FROM json_each(?1, ?2) ORDER BY key)) = ?3",
        VALUES(TEXT(body), TEXT(path), TEXT(keys)));
}

/* Exactly the fields of 3.6; people get told which task is off. */
static bool check_job(struct exchange *exchange)
{
    static const char task_keys[] = "capability capability_filters inputs_cids label max_attempts meta mode "
                                    "outputs_prefix priority stage";
    struct store *store = exchange->devnet->store;
    const char *body = exchange->body;
    int64_t count;

    if (!keys_are(store, body, "$", "domain_id edges label meta priority tasks"))
        return exchange_decline(exchange, 400,
                                "a job has label, domain_id, priority, meta, tasks and edges, only");
    count = store_integer(store, 0, "SELECT json_array_length(?, '$.tasks')", VALUES(TEXT(body)));
    for (int64_t i = 0; i < count; i++) {
        char *path = memory_format("$.tasks[%d]", (int)i);
        bool fine = keys_are(store, body, path, task_keys);

        free(path);
        if (!fine)
            return exchange_decline(exchange, 400, "task %d must have exactly the fields %s", (int)i,
                                    task_keys);
    }
    if (count == 0 ||
        store_integer(store, 0,
                      "SELECT count(*) FROM json_each(?, '$.tasks') WHERE json_type(value, "
                      "'$.inputs_cids') IS NOT 'array' OR json_type(value, '$.label') IS NOT 'text' OR "
                      "json_type(value, '$.capability') IS NOT 'text' OR json_type(value, "
                      "'$.max_attempts') IS NOT 'integer'",
                      VALUES(TEXT(body))))
        return exchange_decline(exchange, 400,
                                "tasks must not be empty; label and capability are texts, inputs_cids an "
                                "array, max_attempts an integer");
    return dms_check_edges(exchange);
}

static void insert_job(struct devnet *devnet, const char *id, const char *body)
{
    struct store *store = devnet->store;

    store_run(store,
              "INSERT INTO jobs(id, label, domain_id, priority, meta, status, created_at) SELECT ?2, ?1 ->> "
              "'$.label', "
              "?1 ->> '$.domain_id', ?1 ->> '$.priority', ?1 -> '$.meta', 'open', ?3",
              VALUES(TEXT(body), TEXT(id), INTEGER(moment_now_ms())));
    store_run(
        store,
        "INSERT INTO tasks(id, job_id, position, label, stage, capability, capability_filters, priority, "
        "inputs_cids, outputs_prefix, mode, meta, max_attempts, status) SELECT uuid(), ?2, key, "
        "value ->> '$.label', value ->> '$.stage', value ->> '$.capability', value -> "
        "'$.capability_filters', "
        "value ->> '$.priority', value -> '$.inputs_cids', value ->> '$.outputs_prefix', value ->> '$.mode', "
        "value -> '$.meta', value ->> '$.max_attempts', 'blocked' FROM json_each(?1, '$.tasks')",
        VALUES(TEXT(body), TEXT(id)));
    store_run(store, "UPDATE tasks SET known_as=id WHERE job_id=?", VALUES(TEXT(id)));
    store_run(store, "INSERT INTO task_names(name, task) SELECT id, id FROM tasks WHERE job_id=?",
              VALUES(TEXT(id)));
    dms_insert_edges(devnet, id, body);
    store_run(
        store,
        "UPDATE tasks SET deps_remaining=(SELECT count(*) FROM edges WHERE to_task=tasks.id) WHERE job_id=?",
        VALUES(TEXT(id)));
    store_run(store, "UPDATE tasks SET status='pending' WHERE job_id=? AND deps_remaining=0",
              VALUES(TEXT(id)));
    store_changed(store);
}

void dms_create_job(struct exchange *exchange)
{
    char id[UUID_TEXT_BYTES];

    if (!exchange_require_app(exchange) || !exchange_check_json(exchange) || !check_job(exchange))
        return;
    random_uuid(id);
    insert_job(exchange->devnet, id, exchange->body);
    exchange_answer_text(
        exchange, 201, "application/json",
        store_text(
            exchange->devnet->store,
            "SELECT json_object('id', ?1, 'job_id', ?1, 'tasks', json_group_array(json_object('id', id, "
            "'label', label))) FROM (SELECT * FROM tasks WHERE job_id=?1 ORDER BY position)",
            VALUES(TEXT(id))));
}

void dms_list_jobs(struct exchange *exchange)
{
    if (exchange_require_app(exchange))
        exchange_answer_text(
            exchange, 200, "application/json",
            store_text(exchange->devnet->store,
                       "SELECT json_object('jobs', json_group_array(json_object('id', id, 'label', "
                       "label, 'status', status))) FROM (SELECT * FROM jobs ORDER BY created_at)",
                       NO_VALUES));
}

static char *job_text(struct store *store, const char *id)
{
    return store_text(
        store,
        "SELECT json_object('id', j.id, 'label', j.label, 'status', j.status, 'domain_id', j.domain_id, "
        "'tasks', "
        "(SELECT json_group_array(json_object('id', t.id, 'known_as', t.known_as, 'label', t.label, "
        "'status', t.status, "
        "'capability', t.capability, 'attempts', t.attempts, 'max_attempts', t.max_attempts, "
        "'deps_remaining', "
        "t.deps_remaining, 'inputs_cids', json(t.inputs_cids), 'progress', json(t.progress), 'events', "
        "(SELECT "
        "json_group_array(json(event)) FROM (SELECT event FROM events WHERE task=t.id ORDER BY seq)), "
        "'heartbeats', "
        "t.heartbeats, 'output_cids', json(t.output_cids), 'outputs', json(t.outputs), 'fail_reason', "
        "t.fail_reason, "
        "'fail_details', json(t.fail_details), 'lease', json_object('node', t.node, 'started_at', "
        "moment(t.lease_started_at), 'expires_at', moment(t.lease_expires_at), 'ended_at', "
        "moment(t.lease_ended_at)))) "
        "FROM (SELECT * FROM tasks WHERE job_id=j.id ORDER BY position) t)) FROM jobs j WHERE j.id=?",
        VALUES(TEXT(id)));
}

void dms_show_job(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    const char *id = exchange->arguments[0], *wait = exchange_query(exchange, "wait_ms");
    int64_t until = moment_now_ms() + (wait ? strtoll(wait, NULL, 10) : 0);

    if (!exchange_require_app(exchange))
        return;
    while (!devnet->stopping && moment_now_ms() < until &&
           store_integer(devnet->store, 0, "SELECT status='open' FROM jobs WHERE id=?", VALUES(TEXT(id))))
        store_wait(devnet->store, until);
    if (store_integer(devnet->store, 0, "SELECT count(*) FROM jobs WHERE id=?", VALUES(TEXT(id))))
        exchange_answer_text(exchange, 200, "application/json", job_text(devnet->store, id));
    else
        exchange_decline(exchange, 404, "no job %s", id);
}

void dms_cancel_job(struct exchange *exchange)
{
    struct store *store = exchange->devnet->store;
    const char *id = exchange->arguments[0];

    if (!exchange_require_app(exchange))
        return;
    if (!store_integer(store, 0, "SELECT count(*) FROM jobs WHERE id=?", VALUES(TEXT(id)))) {
        exchange_decline(exchange, 404, "no job %s", id);
        return;
    }
    /* A leased task hears of it with its next heartbeat's answer. */
    store_run(store,
              "UPDATE tasks SET cancel_requested=(status='leased'), status='cancelled' WHERE job_id=? AND "
              "status IN ('blocked', 'pending', 'leased')",
              VALUES(TEXT(id)));
    dms_settle_job(exchange->devnet, id);
    exchange_answer_text(exchange, 200, "application/json", job_text(store, id));
}
