#include "services/stored/artifacts/artifact_collection.h"

static const struct upload_setup *setup_of(const struct artifact_collection *collection)
{
    return &collection->artifacts->spec.uploads;
}

static bool is_waited_for(const struct artifact_collection *collection)
{
    const struct upload_setup *setup = setup_of(collection);
    return multipart_aborts_has(setup->policy->aborts, setup->task_id);
}

static void answer_all(struct artifact_collection *collection)
{
    struct message_artifacts list;
    loop_timer_stop(&collection->bound);
    artifact_table_list(&collection->artifacts->table, &list);
    request_list_answer(&collection->waiting, &list);
    message_clear(&message_artifacts_type, &list);
}

static void on_bound(void *context)
{
    struct artifact_collection *collection = context;
    log_write(LOG_LEVEL_WARN, &setup_of(collection)->access->log,
              "the domain server has not answered yet to the end of uploads that were given up");
    answer_all(collection);
}

/*
 * A token that a restart lost cannot end uploads at the server, and they would be forgotten: the end of the
 * session, which brings it, does that.
 */
static void end_uploads(struct artifact_collection *collection)
{
    struct error reason;
    if (setup_of(collection)->access->token_lost)
        return;
    error_set(&reason, ERROR_CANCELLED, "the task's job is over");
    artifacts_cancel(collection->artifacts, &reason);
}

void artifact_collection_ask(struct artifact_collection *collection, struct ipc_request *request)
{
    end_uploads(collection);
    request_list_add(&collection->waiting, request);
    if (!is_waited_for(collection))
        answer_all(collection);
    else if (!loop_timer_running(&collection->bound))
        loop_timer_start(&collection->bound, ARTIFACT_COLLECTION_WAIT_MS);
}

void artifact_collection_on_abort_ended(struct artifact_collection *collection)
{
    if (collection->waiting.count && !is_waited_for(collection))
        answer_all(collection);
}

void artifact_collection_fail(struct artifact_collection *collection, const struct error *reason)
{
    loop_timer_stop(&collection->bound);
    request_list_fail(&collection->waiting, reason);
}

void artifact_collection_init(struct artifact_collection *collection, struct artifacts *artifacts,
                              struct loop *loop)
{
    *collection = (struct artifact_collection){.artifacts = artifacts};
    loop_timer_init(&collection->bound, loop, on_bound, collection);
}

void artifact_collection_clear(struct artifact_collection *collection)
{
    loop_timer_stop(&collection->bound);
    request_list_drop(&collection->waiting);
}
