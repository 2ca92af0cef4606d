#include "tests/devnet/schema.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS kept(name TEXT PRIMARY KEY, value TEXT);"

    /* A node is its wallet, or its robot credentials (a digest of them). `state`: registered, or forgotten
       (by an admin; its logins get 403). */
    "CREATE TABLE IF NOT EXISTS nodes(address TEXT PRIMARY KEY, id TEXT, flow TEXT, url TEXT, version TEXT,"
    " capabilities TEXT, state TEXT, registered_at INTEGER, registrations INTEGER DEFAULT 0,"
    " callback_due_at INTEGER, callback_started_at INTEGER, callback_answered_at INTEGER,"
    " callback_status INTEGER, callback_tries INTEGER DEFAULT 0, health_at INTEGER, health_status INTEGER,"
    " client_id TEXT);"
    "CREATE TABLE IF NOT EXISTS nonces(nonce TEXT PRIMARY KEY, wallet TEXT, message TEXT, expires_at INTEGER,"
    " used INTEGER DEFAULT 0);"

    /* `kind`: access (DMS) or domain. `refusals` counts the 401s a token has met. */
    "CREATE TABLE IF NOT EXISTS tokens(token TEXT PRIMARY KEY, kind TEXT, address TEXT, task TEXT,"
    " attempt INTEGER, domain_id TEXT, issued_at INTEGER, expires_at INTEGER, replaced_at INTEGER,"
    " revoked INTEGER DEFAULT 0, refused_at INTEGER);"
    "CREATE INDEX IF NOT EXISTS tokens_task ON tokens(task, attempt);"
    /* `client_id` is the lease's (an attempt of a task); a node's own (above) is the last it showed. */
    "CREATE TABLE IF NOT EXISTS client_ids(task TEXT, attempt INTEGER, client_id TEXT,"
    " PRIMARY KEY(task, attempt));"
    "CREATE TABLE IF NOT EXISTS refusals(token TEXT, request TEXT, times INTEGER, PRIMARY KEY(token, "
    "request));"

    "CREATE TABLE IF NOT EXISTS jobs(id TEXT PRIMARY KEY, label TEXT, domain_id TEXT, priority INTEGER,"
    " meta TEXT, status TEXT, created_at INTEGER);"
    /* `known_as`: the id a node must use now; `artifact_suffix`: what it was after the first heartbeat. */
    "CREATE TABLE IF NOT EXISTS tasks(id TEXT PRIMARY KEY, known_as TEXT, job_id TEXT, position INTEGER,"
    " label TEXT, stage TEXT, capability TEXT, capability_filters TEXT, priority INTEGER, inputs_cids TEXT,"
    " outputs_prefix TEXT, mode TEXT, meta TEXT, max_attempts INTEGER, attempts INTEGER DEFAULT 0,"
    " deps_remaining INTEGER DEFAULT 0, status TEXT, node TEXT, lease_started_at INTEGER,"
    " lease_expires_at INTEGER, lease_ended_at INTEGER, first_heartbeat_at INTEGER, artifact_suffix TEXT,"
    " cancel_requested INTEGER DEFAULT 0, cancel_told_at INTEGER, cancelled_envelope INTEGER DEFAULT 0,"
    " lost_told_at INTEGER, tokenless INTEGER DEFAULT 0, report_kind TEXT, report_body TEXT, unheard_report "
    "TEXT, heartbeats INTEGER "
    "DEFAULT 0, progress TEXT,"
    " output_cids TEXT, outputs TEXT, fail_reason TEXT, fail_details TEXT);"
    "CREATE INDEX IF NOT EXISTS tasks_status ON tasks(status);"
    "CREATE INDEX IF NOT EXISTS tasks_job ON tasks(job_id);"
    "CREATE INDEX IF NOT EXISTS tasks_known_as ON tasks(known_as);"
    "CREATE TABLE IF NOT EXISTS task_names(name TEXT PRIMARY KEY, task TEXT);"
    "CREATE TABLE IF NOT EXISTS edges(job_id TEXT, from_task TEXT, to_task TEXT, PRIMARY KEY(from_task, "
    "to_task));"
    "CREATE TABLE IF NOT EXISTS events(seq INTEGER PRIMARY KEY, task TEXT, attempt INTEGER, event TEXT);"
    "CREATE INDEX IF NOT EXISTS events_task ON events(task);"
    /* What an admin asked to change in coming answers; `kind`: lease or heartbeat. */
    "CREATE TABLE IF NOT EXISTS overrides(seq INTEGER PRIMARY KEY, kind TEXT, patch TEXT, raw TEXT);"

    "CREATE TABLE IF NOT EXISTS data(id TEXT PRIMARY KEY, domain_id TEXT, name TEXT, data_type TEXT,"
    " size INTEGER, sha256 TEXT, stored_by TEXT, parts INTEGER, file TEXT, task TEXT, attempt INTEGER,"
    " answered INTEGER, created_at INTEGER, updated_at INTEGER);"
    "CREATE INDEX IF NOT EXISTS data_name ON data(domain_id, name, data_type);"
    "CREATE TABLE IF NOT EXISTS lookups(task TEXT, name TEXT, data_type TEXT,"
    " PRIMARY KEY(task, name, data_type));"
    /* `state`: open, completing, completed, aborted. */
    "CREATE TABLE IF NOT EXISTS uploads(id TEXT PRIMARY KEY, domain_id TEXT, task TEXT, attempt INTEGER,"
    " name TEXT, data_type TEXT, size INTEGER, existing_id TEXT, part_size INTEGER, state TEXT,"
    " parts_text TEXT, data_id TEXT, created_at INTEGER, ended_at INTEGER);"
    "CREATE TABLE IF NOT EXISTS parts(upload TEXT, number INTEGER, size INTEGER, etag TEXT, file TEXT,"
    " PRIMARY KEY(upload, number));"

    "CREATE TABLE IF NOT EXISTS violations(seq INTEGER PRIMARY KEY, at INTEGER, rule TEXT, detail TEXT,"
    " method TEXT, target TEXT, task TEXT);"
    "CREATE TABLE IF NOT EXISTS requests(seq INTEGER PRIMARY KEY, at INTEGER, took_ms INTEGER, method TEXT,"
    " target TEXT, status INTEGER, task TEXT, rule TEXT, fault TEXT);"
    "PRAGMA user_version=1;";

const char *schema_text(void)
{
    return schema;
}
