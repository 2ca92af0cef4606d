/*
 * An entry lives from its first put on; while an upload runs, callers that put the same output wait for that
 * upload instead of starting one more.
 */
#include "services/stored/artifacts/artifacts.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/artifacts/data_path.h"
#include "services/stored/domain/domain_answer.h"
#include "services/stored/journal/journal.h"

#include <stdlib.h>
#include <string.h>

enum { STORED_NAME_BYTES = LIMIT_NAME_BYTES * 2 };

struct artifacts *artifacts_create(const struct artifacts_spec *spec)
{
    struct artifacts *artifacts = memory_allocate(sizeof *artifacts);
    artifacts->spec = *spec;
    artifacts->data_path = data_path_of_domain(spec->domain_id);
    artifacts->spec.uploads.data_path = artifacts->data_path;
    artifact_table_init(&artifacts->table);
    return artifacts;
}

void artifacts_free(struct artifacts *artifacts)
{
    if (!artifacts)
        return;
    while (!TAILQ_EMPTY(&artifacts->table.list)) {
        struct artifact *artifact = TAILQ_FIRST(&artifacts->table.list);
        artifact_upload_drop(artifact->upload);
        artifact_table_remove(&artifacts->table, artifact);
    }
    free(artifacts->data_path);
    free(artifacts);
}

/* --- the end of an upload --- */

/* A stream may fail while its writer waits for nothing: it is told by its next call. */
static void fail(struct artifact *artifact, const struct error *reason, bool streamed)
{
    const struct upload_setup *setup = &artifact->artifacts->spec.uploads;
    const struct journal_upload_key key = {setup->journal, setup->task_id, artifact->name.logical_path};
    bool told = artifact->waiting.count > 0;
    artifact_upload_cancel(artifact->upload);
    artifact->upload = NULL;
    journal_upload_ended(&key);
    request_list_fail(&artifact->waiting, reason);
    if (streamed && !told)
        artifact->failure = *reason;
    /* What never was stored leaves no trace: its name is free for another output. */
    else if (!artifact->stored)
        artifact_table_remove(&artifact->artifacts->table, artifact);
}

static void on_upload_done(void *context, const struct artifact_upload_result *result)
{
    struct artifact *artifact = context;
    const struct upload_setup *setup = &artifact->artifacts->spec.uploads;
    struct message_artifact message;
    bool streamed = artifact_upload_is_streamed(artifact->upload);
    artifact->upload = NULL;
    if (result->failure) {
        fail(artifact, result->failure, streamed);
        return;
    }
    memory_replace_text(&artifact->id, result->id);
    artifact->stored = true;
    artifact->file = (struct file_fingerprint){0};
    /* Of a stream its writer has promised that it does not change. */
    if (streamed || file_fingerprint_is_settled(&result->file->fingerprint))
        artifact->file = result->file->fingerprint;
    artifact_describe(artifact, &message);
    journal_artifact_stored(setup->journal, setup->task_id, &message, &artifact->file);
    request_list_answer(&artifact->waiting, &message);
    message_clear(&message_artifact_type, &message);
}

/* --- for what runners ask --- */

bool artifacts_name(const struct artifacts *artifacts, const struct artifact_request *spec,
                    struct artifact_name *name, struct error *error)
{
    if (!artifact_name_build(artifacts->spec.outputs_prefix, spec->rel_path, artifacts->spec.uploads.task_id,
                             name, error))
        return false;
    if (spec->id && strlen(spec->id) > DOMAIN_ANSWER_ID_BYTES) {
        artifact_name_clear(name);
        return error_set(error, ERROR_TOO_LARGE, "id has more than %d bytes", DOMAIN_ANSWER_ID_BYTES);
    }
    if (!text_is_blank(spec->name))
        memory_replace_text(&name->name, spec->name);
    if (!text_is_blank(spec->data_type))
        memory_replace_text(&name->data_type, spec->data_type);
    if (strlen(name->logical_path) <= STORED_NAME_BYTES && strlen(name->name) <= STORED_NAME_BYTES &&
        strlen(name->data_type) <= LIMIT_NAME_BYTES)
        return true;
    artifact_name_clear(name);
    return error_set(error, ERROR_TOO_LARGE, "the name of output %.*s is too long",
                     TEXT_CUT(spec->rel_path, 128));
}

bool artifacts_open_file(const struct artifacts *artifacts, const struct artifact_request *spec,
                         struct artifact_file *file, struct error *error)
{
    const struct workspace *workspace = artifacts->spec.workspace;
    int fd = spec->bytes ? workspace_spool_bytes(workspace, spec->bytes->bytes, spec->bytes->length, error)
                         : workspace_open_file(workspace, spec->path, error);
    return fd >= 0 && artifact_file_take(file, fd, error);
}

struct artifact *artifacts_begin_upload(struct artifacts *artifacts, const struct artifact_request *spec,
                                        struct artifact_name *name, struct artifact_file *file, bool streamed,
                                        struct error *error)
{
    const struct upload_setup *setup = &artifacts->spec.uploads;
    bool is_new = !artifact_table_find(&artifacts->table, name->logical_path);
    if (is_new && !artifact_table_check_room(&artifacts->table, name, error)) {
        artifact_file_close(file);
        return NULL;
    }
    struct artifact *artifact = artifact_table_enter(&artifacts->table, name);
    artifact->artifacts = artifacts;
    artifact->failure = (struct error){0};
    artifact->file = (struct file_fingerprint){0};
    journal_artifact_replaced(setup->journal, setup->task_id, artifact->name.logical_path);
    artifact->upload = artifact_upload_start(
        &(struct artifact_upload_spec){.setup = setup,
                                       .name = &artifact->name,
                                       .existing_id = text_is_blank(spec->id) ? artifact->id : spec->id,
                                       .streamed = streamed,
                                       .transient = spec->bytes != NULL,
                                       .on_done = on_upload_done,
                                       .context = artifact},
        file);
    return artifact;
}

void artifacts_answer_stored(const struct artifact *artifact, struct ipc_request *request)
{
    struct message_artifact message;
    artifact_describe(artifact, &message);
    ipc_answer(request, &message);
    message_clear(&message_artifact_type, &message);
}

/* --- after a restart, and at the end --- */

static void restore(void *context, const struct journal_record *record)
{
    struct artifacts *artifacts = context;
    const struct message_artifact *message = record->message;
    struct artifact_name name = {.logical_path = memory_copy_text(message->logical_path),
                                 .name = memory_copy_text(message->name),
                                 .data_type = memory_copy_text(message->data_type)};
    struct artifact *artifact = artifact_table_append(&artifacts->table, &name);
    artifact->id = memory_copy_text(message->id);
    artifact->stored = true;
    artifact->file = record->file;
}

void artifacts_restore(struct artifacts *artifacts)
{
    const struct upload_setup *setup = &artifacts->spec.uploads;
    journal_visit_records(setup->journal, JOURNAL_ARTIFACTS, setup->task_id, restore, artifacts);
}

/* Failing an artifact that never was stored removes it from the table, hence the saved `next`. What no put
 * has taken up again since a restart ends, too. */
void artifacts_cancel(struct artifacts *artifacts, const struct error *reason)
{
    const struct upload_setup *setup = &artifacts->spec.uploads;
    struct text_list upload_ids = {0};
    for (struct artifact *artifact = TAILQ_FIRST(&artifacts->table.list), *next; artifact; artifact = next) {
        next = TAILQ_NEXT(artifact, link);
        if (artifact->upload)
            fail(artifact, reason, false);
    }
    journal_uploads_end(setup->journal, setup->task_id, &upload_ids);
    for (size_t i = 0; i < upload_ids.count; i++)
        multipart_aborts_add(setup->policy->aborts, setup->access, setup->data_path, upload_ids.items[i]);
    text_list_clear(&upload_ids);
}
