/* The edges between a job's tasks (docs/network.md 3.6). */
#include "tests/devnet/dms.h"

#include "tests/devnet/exchange.h"

/* The ends of the body's edges, whose shapes were checked before. */
#define ENDS                                                                                                 \
    "ends(tail, head) AS (SELECT CASE type WHEN 'array' THEN value ->> '$[0]' ELSE value ->> '$.from' END, " \
    "CASE type WHEN 'array' THEN value ->> '$[1]' ELSE value ->> '$.to' END FROM json_each(?1, '$.edges'))"

/* What an end can name: a label, or else a stage, which stands for all tasks that share it. */
#define NAMED_IN_BODY                                                                                        \
    "tasks_of(id, label, stage) AS (SELECT key, value ->> '$.label', value ->> '$.stage' FROM "              \
    "json_each(?1, '$.tasks')), " NAMED
#define NAMED_IN_JOB                                                                                         \
    "tasks_of(id, label, stage) AS (SELECT id, label, stage FROM tasks WHERE job_id=?2), " NAMED
#define NAMED                                                                                                \
    "named(name, id) AS (SELECT label, id FROM tasks_of UNION "                                              \
    "SELECT stage, id FROM tasks_of WHERE stage NOT IN (SELECT label FROM tasks_of))"

/* A condition a line. */
/* clang-format off */
static const char shapes[] =
    "SELECT json_type(?1, '$.edges')='array' AND NOT EXISTS("
    "SELECT 1 FROM json_each(?1, '$.edges') e WHERE NOT coalesce(CASE e.type "
    "WHEN 'array' THEN json_array_length(e.value)=2"
    " AND json_type(e.value, '$[0]')='text' AND json_type(e.value, '$[1]')='text' "
    "WHEN 'object' THEN (SELECT count(*) FROM json_each(e.value))=2"
    " AND json_type(e.value, '$.from')='text' AND json_type(e.value, '$.to')='text' END, 0))";

static const char unknown_ends[] =
    "WITH " ENDS ", " NAMED_IN_BODY " SELECT count(*) FROM ends"
    " WHERE tail NOT IN (SELECT name FROM named) OR head NOT IN (SELECT name FROM named)";

static const char loops[] = "WITH " ENDS ", " NAMED_IN_BODY " SELECT count(*) FROM ends"
                            " JOIN named f ON f.name=tail JOIN named t ON t.name=head WHERE f.id=t.id";

static const char insert[] =
    "WITH " ENDS ", " NAMED_IN_JOB " INSERT OR IGNORE INTO edges(job_id, from_task, to_task)"
    " SELECT ?2, f.id, t.id FROM ends JOIN named f ON f.name=tail JOIN named t ON t.name=head";
/* clang-format on */

bool dms_check_edges(struct exchange *exchange)
{
    struct store *store = exchange->devnet->store;

    if (!store_integer(store, 0, shapes, VALUES(TEXT(exchange->body))))
        return exchange_decline(exchange, 400, "edges must be [[from, to] or {\"from\", \"to\"}, ...]");
    if (store_integer(store, 0, unknown_ends, VALUES(TEXT(exchange->body))))
        return exchange_decline(exchange, 400, "edges must name labels or stages of this job");
    if (store_integer(store, 0, loops, VALUES(TEXT(exchange->body))))
        return exchange_decline(exchange, 400, "an edge leads from a task to itself");
    return true;
}

void dms_insert_edges(struct devnet *devnet, const char *job_id, const char *body)
{
    store_run(devnet->store, insert, VALUES(TEXT(body), TEXT(job_id)));
}
