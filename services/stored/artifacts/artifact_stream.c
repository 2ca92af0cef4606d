#include "services/stored/artifacts/artifact_stream.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/text.h"
#include "services/stored/journal/journal.h"

static bool is_open(const struct artifact *artifact)
{
    return artifact && artifact->upload && artifact_upload_is_streamed(artifact->upload);
}

/* --- opening --- */

/* NULL with the reason in `error`. */
static struct artifact *open_stream(struct artifacts *artifacts, const struct artifact_request *spec,
                                    struct error *error)
{
    struct artifact_name name = {0};
    struct artifact_file file = {.fd = -1};
    struct artifact *artifact = NULL;
    if (!artifacts_name(artifacts, spec, &name, error))
        return NULL;
    const struct artifact *known = artifact_table_find(&artifacts->table, name.logical_path);
    if (known && known->upload) {
        error_set(error, ERROR_CONFLICT, "output %.*s is being stored", TEXT_CUT(spec->rel_path, 128));
    } else if (artifact_table_check_collisions(&artifacts->table, &name, error) &&
               artifacts_open_file(artifacts, spec, &file, error)) {
        artifact = artifacts_begin_upload(artifacts, spec, &name, &file, true, error);
    }
    artifact_name_clear(&name);
    return artifact;
}

static bool check_streams(const struct artifacts *artifacts, struct error *error)
{
    size_t streams = 0;
    const struct artifact *artifact;
    TAILQ_FOREACH(artifact, &artifacts->table.list, link)
    streams += is_open(artifact);
    return streams < LIMIT_OPEN_STREAMS ||
           error_set(error, ERROR_UNAVAILABLE, "the task has %zu open streams, the limit is %d", streams,
                     LIMIT_OPEN_STREAMS);
}

static struct artifact_request spec_of(const struct message_artifact_open *message)
{
    return (struct artifact_request){.path = message->path,
                                     .rel_path = message->rel_path,
                                     .name = message->name,
                                     .data_type = message->data_type,
                                     .id = message->id};
}

/* The artifact that a call is about; NULL when there is none. */
static struct artifact *find_by_rel_path(const struct artifacts *artifacts, const char *rel_path,
                                         struct error *error)
{
    struct artifact_name name = {0};
    const struct artifact_request spec = {.rel_path = rel_path};
    if (!artifacts_name(artifacts, &spec, &name, error))
        return NULL;
    struct artifact *artifact = artifact_table_find(&artifacts->table, name.logical_path);
    artifact_name_clear(&name);
    if (!artifact)
        error_set(error, ERROR_NOT_FOUND, "output %.*s was not opened", TEXT_CUT(rel_path, 128));
    return artifact;
}

/* A repeat; of another file it would be a writer's mistake. */
static void answer_open_again(const struct artifact *artifact, const struct artifact_request *spec,
                              struct ipc_request *request)
{
    struct error error;
    struct artifact_file file = {.fd = -1};
    bool ok = artifacts_open_file(artifact->artifacts, spec, &file, &error) &&
              (file_fingerprint_is_same_file(&artifact_upload_file(artifact->upload)->fingerprint,
                                             &file.fingerprint) ||
               error_set(&error, ERROR_CONFLICT, "output %.*s is being stored from another file",
                         TEXT_CUT(spec->rel_path, 128)));
    artifact_file_close(&file);
    if (ok)
        ipc_answer_done(request);
    else
        ipc_fail(request, &error);
}

void artifact_open(struct artifacts *artifacts, const struct message_artifact_open *message,
                   struct ipc_request *request)
{
    struct error error;
    const struct artifact_request spec = spec_of(message);
    const struct artifact *artifact = find_by_rel_path(artifacts, message->rel_path, &error);
    if (is_open(artifact)) {
        answer_open_again(artifact, &spec, request);
        return;
    }
    artifact = check_streams(artifacts, &error) ? open_stream(artifacts, &spec, &error) : NULL;
    if (!artifact) {
        ipc_fail(request, &error);
        return;
    }
    journal_stream_opened(artifacts->spec.uploads.journal, artifacts->spec.uploads.task_id,
                          artifact->name.logical_path, message);
    ipc_answer_done(request);
}

/* --- growing --- */

/* The open stream; NULL with the reason why there is none. */
static struct artifact *find_stream(const struct artifacts *artifacts, const char *rel_path,
                                    struct error *error)
{
    struct artifact *artifact = find_by_rel_path(artifacts, rel_path, error);
    if (!artifact || is_open(artifact))
        return artifact;
    if (artifact->failure.code != ERROR_NONE)
        *error = artifact->failure;
    else
        error_set(error, ERROR_CONFLICT, "output %.*s is not open", TEXT_CUT(rel_path, 128));
    return NULL;
}

static bool announce(struct artifact *artifact, int64_t length_bytes, bool whole, struct error *error)
{
    if (length_bytes < 0)
        return error_set(error, ERROR_INVALID, "length_bytes is below 0");
    return artifact_upload_announce(artifact->upload, length_bytes, whole, error);
}

void artifact_grow(struct artifacts *artifacts, const struct message_artifact_grow *message,
                   struct ipc_request *request)
{
    struct error error;
    struct artifact *artifact = find_stream(artifacts, message->rel_path, &error);
    if (artifact && announce(artifact, message->length_bytes, false, &error))
        ipc_answer_done(request);
    else
        ipc_fail(request, &error);
}

/* A repeat may come when all is stored: it gets the same answer. */
void artifact_finish(struct artifacts *artifacts, const struct message_artifact_finish *message,
                     struct ipc_request *request)
{
    struct error error;
    const struct artifact *known = find_by_rel_path(artifacts, message->rel_path, &error);
    if (known && known->stored && !known->upload && known->failure.code == ERROR_NONE) {
        artifacts_answer_stored(known, request);
        return;
    }
    struct artifact *artifact = find_stream(artifacts, message->rel_path, &error);
    if (artifact && announce(artifact, message->length_bytes, true, &error))
        request_list_add(&artifact->waiting, request);
    else
        ipc_fail(request, &error);
}

/* --- after a restart --- */

/* The next call about the stream is answered with `reason`. */
static void note_failure(struct artifacts *artifacts, const struct artifact_request *spec,
                         const struct error *reason)
{
    struct artifact_name name = {0};
    struct error ignored;
    log_write(LOG_LEVEL_WARN, &artifacts->spec.uploads.access->log, "cannot resume the stream %.*s: %s",
              TEXT_CUT(spec->rel_path, 128), reason->text);
    if (artifacts_name(artifacts, spec, &name, &ignored) &&
        artifact_table_check_room(&artifacts->table, &name, &ignored))
        artifact_table_enter(&artifacts->table, &name)->failure = *reason;
    artifact_name_clear(&name);
}

static void restore(void *context, const struct journal_record *record)
{
    struct artifacts *artifacts = context;
    struct error error;
    const struct artifact_request spec = spec_of(record->message);
    if (!open_stream(artifacts, &spec, &error))
        note_failure(artifacts, &spec, &error);
}

void artifact_streams_restore(struct artifacts *artifacts)
{
    const struct upload_setup *setup = &artifacts->spec.uploads;
    journal_visit_records(setup->journal, JOURNAL_STREAMS, setup->task_id, restore, artifacts);
}
