/* Artifacts that go up while their file is still being written, and what a restart left of all artifacts. */
#include "services/stored/artifacts/artifact_internal.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/stored/stored.h"

static bool is_open(const struct artifact *artifact)
{
    return artifact && artifact->upload && artifact_upload_is_streamed(artifact->upload);
}

/* --- opening --- */

/* NULL with the reason in `error`. */
static struct artifact *open_stream(struct session *session, const struct artifact_wish *wish,
                                    struct error *error)
{
    struct artifact_name name = {0};
    struct artifact_file file = {.fd = -1};
    struct artifact *artifact = NULL;
    if (!artifact_name_wish(session, wish, &name, error))
        return NULL;
    const struct artifact *known = artifact_find(session, name.logical_path);
    if (known && known->upload) {
        error_set(error, ERROR_CONFLICT, "output %.128s is being stored", wish->rel_path);
    } else {
        int fd = workspace_open_file(&session->workspace, wish->path, error);
        if (fd >= 0 && artifact_file_take(&file, fd, error))
            artifact = artifact_begin(session, wish, &name, &file, true, error);
    }
    artifact_name_clear(&name);
    return artifact;
}

static bool check_streams(const struct session *session, struct error *error)
{
    size_t streams = 0;
    for (const struct artifact *artifact = session->artifacts; artifact; artifact = artifact->next)
        streams += is_open(artifact);
    return streams < LIMIT_OPEN_STREAMS ||
           error_set(error, ERROR_UNAVAILABLE, "the task has %zu open streams, the limit is %d", streams,
                     LIMIT_OPEN_STREAMS);
}

static struct artifact_wish wish_of(const struct message_artifact_open *message)
{
    return (struct artifact_wish){.path = message->path,
                                  .rel_path = message->rel_path,
                                  .name = message->name,
                                  .data_type = message->data_type,
                                  .id = message->id};
}

/* The artifact that a call is about; NULL when the session has none. */
static struct artifact *find_by_rel_path(const struct session *session, const char *rel_path,
                                         struct error *error)
{
    struct artifact_name name = {0};
    const struct artifact_wish wish = {.rel_path = rel_path};
    if (!artifact_name_wish(session, &wish, &name, error))
        return NULL;
    struct artifact *artifact = artifact_find(session, name.logical_path);
    artifact_name_clear(&name);
    if (!artifact)
        error_set(error, ERROR_NOT_FOUND, "output %.128s was not opened", rel_path);
    return artifact;
}

/* A repeat; of another file it would be a writer's mistake. */
static void answer_open_again(const struct artifact *artifact, const struct artifact_wish *wish,
                              struct ipc_request *request)
{
    struct error error;
    struct artifact_file file = {.fd = -1};
    int fd = workspace_open_file(&artifact->session->workspace, wish->path, &error);
    bool ok = fd >= 0 && artifact_file_take(&file, fd, &error) &&
              (file_fingerprint_is_same_file(&artifact_upload_file(artifact->upload)->fingerprint,
                                             &file.fingerprint) ||
               error_set(&error, ERROR_CONFLICT, "output %.128s is being stored from another file",
                         wish->rel_path));
    artifact_file_close(&file);
    if (ok)
        ipc_answer_done(request);
    else
        ipc_fail(request, &error);
}

void artifact_open(struct session *session, const struct message_artifact_open *message,
                   struct ipc_request *request)
{
    struct error error;
    const struct artifact_wish wish = wish_of(message);
    const struct artifact *artifact = find_by_rel_path(session, message->rel_path, &error);
    if (is_open(artifact)) {
        answer_open_again(artifact, &wish, request);
        return;
    }
    artifact = check_streams(session, &error) ? open_stream(session, &wish, &error) : NULL;
    if (!artifact) {
        ipc_fail(request, &error);
        return;
    }
    journal_stream_opened(session->stored->journal, session->task_id, artifact->name.logical_path, message);
    ipc_answer_done(request);
}

/* --- growing --- */

/* The open stream; NULL with the reason why there is none. */
static struct artifact *find_stream(const struct session *session, const char *rel_path, struct error *error)
{
    struct artifact *artifact = find_by_rel_path(session, rel_path, error);
    if (!artifact || is_open(artifact))
        return artifact;
    if (artifact->failure.code != ERROR_NONE)
        *error = artifact->failure;
    else
        error_set(error, ERROR_CONFLICT, "output %.128s is not open", rel_path);
    return NULL;
}

static bool announce(struct artifact *artifact, int64_t length_bytes, bool whole, struct error *error)
{
    if (length_bytes < 0)
        return error_set(error, ERROR_INVALID, "length_bytes is below 0");
    return artifact_upload_announce(artifact->upload, length_bytes, whole, error);
}

void artifact_grow(struct session *session, const struct message_artifact_grow *message,
                   struct ipc_request *request)
{
    struct error error;
    struct artifact *artifact = find_stream(session, message->rel_path, &error);
    if (artifact && announce(artifact, message->length_bytes, false, &error))
        ipc_answer_done(request);
    else
        ipc_fail(request, &error);
}

/* A repeat may come when all is stored: it gets the same answer. */
void artifact_finish(struct session *session, const struct message_artifact_finish *message,
                     struct ipc_request *request)
{
    struct error error;
    const struct artifact *known = find_by_rel_path(session, message->rel_path, &error);
    if (known && known->stored && !known->upload && known->failure.code == ERROR_NONE) {
        artifact_answer_stored(known, request);
        return;
    }
    struct artifact *artifact = find_stream(session, message->rel_path, &error);
    if (artifact && announce(artifact, message->length_bytes, true, &error))
        request_list_add(&artifact->waiting, request);
    else
        ipc_fail(request, &error);
}

/* --- after a restart --- */

static void restore_stored(void *context, const struct journal_record *record)
{
    artifact_restore(context, record->message, &record->file);
}

static void restore_stream(void *context, const struct journal_record *record)
{
    struct session *session = context;
    struct error error;
    const struct message_artifact_open *message = record->message;
    const struct artifact_wish wish = wish_of(message);
    if (!open_stream(session, &wish, &error))
        artifact_note_failure(session, &wish, &error);
}

void artifacts_restore(struct session *session)
{
    struct journal *journal = session->stored->journal;
    journal_visit_records(journal, JOURNAL_ARTIFACTS, session->task_id, restore_stored, session);
    if (!session->cancelled)
        journal_visit_records(journal, JOURNAL_STREAMS, session->task_id, restore_stream, session);
}
