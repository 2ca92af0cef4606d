/* complete and fail (docs/network.md 3.4, 3.5). */
#include "tests/devnet/dms.h"

#include "libcommon/base/memory.h"
#include "tests/devnet/exchange.h"
#include "tests/devnet/moment.h"
#include "tests/devnet/name_form.h"
#include "tests/devnet/token.h"

#include <stdlib.h>
#include <string.h>

static bool check_job(struct exchange *exchange, const json_t *job, const json_t *task)
{
    static const struct {
        const char *field, *column;
    } fields[] = {{"task_id", "known_as"},
                  {"job_id", "job_id"},
                  {"domain_id", "domain_id"},
                  {"capability", "capability"}};

    if (!object_has_exactly(job, "task_id:s job_id:s domain_id:s capability:s") &&
        !exchange_tolerates(exchange, RULE_REPORT_JOB, "job must have its four texts, only"))
        return false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(row_text(job, fields[i].field), row_text(task, fields[i].column)) != 0 &&
            !exchange_tolerates(exchange, RULE_REPORT_JOB, "%s is %s, not %s", fields[i].field,
                                row_text(job, fields[i].field), row_text(task, fields[i].column)))
            return false;
    return true;
}

static bool check_artifact_name(struct exchange *exchange, const json_t *artifact, const json_t *task)
{
    const char *path = row_text(artifact, "logical_path");
    char *name = name_of_artifact(path, dms_artifact_suffix(task)), *type = name_data_type(path);
    bool fine =
        strcmp(name, row_text(artifact, "name")) == 0 && strcmp(type, row_text(artifact, "data_type")) == 0;

    fine = fine || exchange->devnet->tuning.free_artifact_names ||
           exchange_tolerates(exchange, RULE_REPORT_ARTIFACT_NAME, "%s is called %s (%s), not %s (%s)", path,
                              row_text(artifact, "name"), row_text(artifact, "data_type"), name, type);
    free(name);
    free(type);
    return fine;
}

static bool check_artifacts(struct exchange *exchange, const json_t *artifacts, const json_t *task)
{
    for (size_t i = 0; i < json_array_size(artifacts); i++) {
        const json_t *artifact = json_array_get(artifacts, i);

        if ((!object_has_exactly(artifact, "logical_path:s name:s data_type:s id:s") ||
             !*row_text(artifact, "id")) &&
            !exchange_tolerates(exchange, RULE_REPORT_ARTIFACTS,
                                "artifact %zu must have its four texts, only", i))
            return false;
        if (!check_artifact_name(exchange, artifact, task))
            return false;
        if (!store_integer(exchange->devnet->store, 0,
                           "SELECT count(*) FROM data WHERE id=? AND domain_id=? AND name=? AND data_type=?",
                           VALUES(TEXT(row_text(artifact, "id")), TEXT(row_text(task, "domain_id")),
                                  TEXT(row_text(artifact, "name")), TEXT(row_text(artifact, "data_type")))) &&
            !exchange_tolerates(exchange, RULE_REPORT_ARTIFACT_EXISTS, "%s (%s, %s) is not in the domain",
                                row_text(artifact, "id"), row_text(artifact, "name"),
                                row_text(artifact, "data_type")))
            return false;
    }
    return true;
}

static bool check_complete(struct exchange *exchange, const json_t *body, const json_t *task)
{
    const json_t *outputs = json_object_get(body, "output_cids"), *meta = json_object_get(body, "meta");
    const json_t *artifacts = json_object_get(meta, "artifacts");

    if ((!object_has_exactly(body, "output_cids:a meta:o") ||
         !object_has_exactly(meta, "job:o artifacts:a")) &&
        !exchange_tolerates(exchange, RULE_COMPLETE_SHAPE,
                            "fields are missing, of another type, or too many"))
        return false;
    if (!row_integer(task, "first_heartbeat_at") &&
        !exchange_tolerates(exchange, RULE_COMPLETE_HEARTBEAT, "no heartbeat came before"))
        return false;
    if (!check_job(exchange, json_object_get(meta, "job"), task) ||
        !check_artifacts(exchange, artifacts, task))
        return false;
    if (json_array_size(outputs) != json_array_size(artifacts) &&
        !exchange_tolerates(exchange, RULE_COMPLETE_OUTPUTS, "%zu output_cids, %zu artifacts",
                            json_array_size(outputs), json_array_size(artifacts)))
        return false;
    for (size_t i = 0; i < json_array_size(outputs); i++)
        if (!json_equal(json_array_get(outputs, i), json_object_get(json_array_get(artifacts, i), "id")) &&
            !exchange_tolerates(exchange, RULE_COMPLETE_OUTPUTS,
                                "output_cids differ from the artifacts at %zu", i))
            return false;
    return true;
}

static bool check_fail(struct exchange *exchange, const json_t *body, const json_t *task)
{
    static const char stages[] = " start_session initial_heartbeat build_ports decode_lease ";
    const json_t *details = json_object_get(body, "details");
    bool setup = strcmp(row_text(body, "reason"), "node_setup_failed") == 0;

    if (!object_has_exactly(body, "reason:s details:o") &&
        !exchange_tolerates(exchange, RULE_FAIL_SHAPE, "fields are missing, of another type, or too many"))
        return false;
    if (!*row_text(body, "reason") && !exchange_tolerates(exchange, RULE_FAIL_REASON, "the reason is empty"))
        return false;
    if (setup || json_object_get(details, "stage")) {
        char *stage = memory_format(" %s ", row_text(details, "stage"));
        bool known = strstr(stages, stage) != NULL;

        free(stage);
        if ((!setup || !known || !object_has_exactly(details, "stage:s error:s") ||
             !*row_text(details, "error")) &&
            !exchange_tolerates(exchange, RULE_FAIL_SETUP, "reason %s, stage %s", row_text(body, "reason"),
                                row_text(details, "stage")))
            return false;
        return true;
    }
    if (!object_has_exactly(details, "job:o artifacts:a") &&
        !exchange_tolerates(exchange, RULE_FAIL_SHAPE, "details must have job and artifacts, only"))
        return false;
    if (!row_integer(task, "first_heartbeat_at") &&
        !exchange_tolerates(exchange, RULE_FAIL_HEARTBEAT, "no heartbeat came before"))
        return false;
    return check_job(exchange, json_object_get(details, "job"), task) &&
           check_artifacts(exchange, json_object_get(details, "artifacts"), task);
}

/* A report under way when its lease was lost is legitimate: was it (or an earlier try of it) begun before? */
static bool begun_before_loss(struct exchange *exchange, const json_t *body, const json_t *task)
{
    struct devnet *devnet = exchange->devnet;
    int64_t told = row_integer(task, "lost_told_at");
    const json_t *outputs = json_object_get(body, "output_cids"), *output;
    size_t i;

    if (!told || exchange->started_ms < told + devnet->tuning.race_grace_ms)
        return true;
    if (store_integer(devnet->store, 0, "SELECT count(*) FROM requests WHERE target=? AND at<?",
                      VALUES(TEXT(exchange->target), INTEGER(told))))
        return true;
    if (!outputs)
        return false;
    json_array_foreach(
        outputs, i,
        output) if (!store_integer(devnet->store, 0, "SELECT count(*) FROM data WHERE id=? AND updated_at<=?",
                                   VALUES(TEXT(json_string_value(output)), INTEGER(told)))) return false;
    return true;
}

/* The refusals of a report whose lease is over, or will be. */
static bool check_state(struct exchange *exchange, const json_t *node, const json_t *task, const json_t *body)
{
    int64_t told = row_integer(task, "cancel_told_at");
    bool ours = strcmp(row_text(task, "node"), row_text(node, "address")) == 0;

    /* The answer to this very report got lost, and the task may be leased anew by now: this is not about that
     * lease. */
    if (ours && strcmp(row_text(task, "unheard_report"), exchange->body) == 0) {
        store_run(exchange->devnet->store, "UPDATE tasks SET unheard_report=NULL WHERE id=?",
                  VALUES(TEXT(row_text(task, "id"))));
        return exchange_decline(exchange, 409, "the task was reported before");
    }

    if (ours && *row_text(task, "report_kind")) {
        if (strcmp(row_text(task, "report_body"), exchange->body) != 0)
            return exchange_refuse(exchange, RULE_REPORT_CHANGED,
                                   "the task was reported before, with another body");
        return exchange_decline(exchange, 409, "the task was reported before");
    }
    if (told && exchange->started_ms >= told + exchange->devnet->tuning.race_grace_ms)
        return exchange_refuse(exchange, RULE_REPORT_CANCELLED, "the node was told %d ms before",
                               (int)(exchange->started_ms - told));
    if (row_integer(task, "cancel_requested"))
        return exchange_decline(exchange, 409, "the task was cancelled");
    if (!dms_lease_is_live(task, node)) {
        if (ours && !begun_before_loss(exchange, body, task))
            return exchange_refuse(exchange, RULE_REPORT_LOST, "the node was told that the lease is lost");
        return exchange_decline(exchange, 410, "the lease is not yours any more (%s)",
                                row_text(task, "status"));
    }
    return true;
}

static bool check_uploads(struct exchange *exchange, const json_t *task)
{
    int64_t open = store_integer(exchange->devnet->store, 0,
                                 "SELECT count(*) FROM uploads WHERE task=? AND attempt=? AND state='open'",
                                 VALUES(TEXT(row_text(task, "id")), INTEGER(row_integer(task, "attempts"))));

    return open == 0 ||
           exchange_tolerates(exchange, RULE_UPLOAD_LEFT_OPEN, "%d uploads are still open", (int)open);
}

/* What a node has given up with a failed task it aborts on connections of its own, which the report may
 * overtake. */
static void wait_for_aborts(const struct exchange *exchange)
{
    static const char open_uploads[] =
        "SELECT count(*) FROM uploads u JOIN tasks t ON t.id=u.task AND t.attempts=u.attempt "
        "JOIN task_names n ON n.task=t.id WHERE n.name=? AND u.state='open'";
    const struct devnet *devnet = exchange->devnet;
    int64_t until = exchange->started_ms + devnet->tuning.race_grace_ms;

    while (!devnet->stopping && moment_now_ms() < until &&
           store_integer(devnet->store, 0, open_uploads, VALUES(TEXT(exchange->arguments[0]))) > 0)
        store_wait(devnet->store, until);
}

static void keep_report(struct exchange *exchange, const json_t *task, const char *kind)
{
    store_run(exchange->devnet->store,
              "UPDATE tasks SET report_kind=?, report_body=?, unheard_report=?, lease_ended_at=? WHERE id=?",
              VALUES(TEXT(kind), TEXT(exchange->body), TEXT(exchange->has_fault ? exchange->body : NULL),
                     INTEGER(moment_now_ms()), TEXT(row_text(task, "id"))));
}

void dms_complete(struct exchange *exchange)
{
    struct devnet *devnet = exchange->devnet;
    json_t *node = token_check_access(exchange);
    json_t *task = node ? dms_find_task(exchange, node) : NULL;
    json_t *body = task ? exchange_json(exchange) : NULL;

    if (body && check_state(exchange, node, task, body) && check_complete(exchange, body, task) &&
        check_uploads(exchange, task)) {
        keep_report(exchange, task, "complete");
        store_run(devnet->store,
                  "UPDATE tasks SET status='completed', output_cids=?1 -> '$.output_cids', "
                  "outputs=?1 -> '$.meta.artifacts' WHERE id=?2",
                  VALUES(TEXT(exchange->body), TEXT(row_text(task, "id"))));
        dms_task_ended(devnet, row_text(task, "id"));
        exchange_answer_json(exchange, 200, json_pack("{s:s}", "status", "completed"));
    }
    json_decref(body);
    json_decref(task);
    json_decref(node);
}

void dms_fail(struct exchange *exchange)
{
    wait_for_aborts(exchange);
    struct devnet *devnet = exchange->devnet;
    json_t *node = token_check_access(exchange);
    json_t *task = node ? dms_find_task(exchange, node) : NULL;
    json_t *body = task ? exchange_json(exchange) : NULL;

    if (body && check_state(exchange, node, task, body) && check_fail(exchange, body, task) &&
        check_uploads(exchange, task)) {
        char *details = json_dumps(json_object_get(body, "details"), JSON_COMPACT);

        keep_report(exchange, task, "fail");
        dms_requeue(devnet, row_text(task, "id"), row_text(body, "reason"), details);
        free(details);
        exchange_answer_json(exchange, 200, json_pack("{s:s}", "status", "failed"));
    }
    json_decref(body);
    json_decref(task);
    json_decref(node);
}
