/*
 * The session's table of artifacts, by logical path. An entry lives from its first put on; while an upload
 * runs, callers that put the same output wait for that upload instead of starting one more.
 */
#include "services/stored/artifacts/artifact_internal.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/domain/domain_answer.h"
#include "services/stored/stored.h"

#include <stdlib.h>
#include <string.h>

/* The texts of all artifacts go into one answer of LIMIT_MESSAGE_BYTES. */
enum { SESSION_TEXT_BYTES_MAX = 6 * 1024 * 1024, STORED_NAME_BYTES = LIMIT_NAME_BYTES * 2 };

static struct journal_upload_key journal_key(const struct session *session, const char *logical_path)
{
    return (struct journal_upload_key){session->stored->journal, session->task_id, logical_path};
}

/* --- the end of an upload --- */

/* What an artifact adds to the answer of session_artifacts; its id is not known before it is stored. */
static size_t text_bytes(const struct artifact_name *name)
{
    return strlen(name->logical_path) + strlen(name->name) + strlen(name->data_type) + DOMAIN_ANSWER_ID_BYTES;
}

static void artifact_free(struct artifact *artifact)
{
    struct artifact **link = &artifact->session->artifacts;
    while (*link != artifact)
        link = &(*link)->next;
    *link = artifact->next;
    artifact->session->artifact_count--;
    artifact->session->artifact_text_bytes -= text_bytes(&artifact->name);
    artifact_upload_drop(artifact->upload);
    request_list_drop(&artifact->waiting);
    artifact_name_clear(&artifact->name);
    free(artifact->id);
    free(artifact);
}

void artifact_describe(const struct artifact *artifact, struct message_artifact *message)
{
    *message = (struct message_artifact){.logical_path = memory_copy_text(artifact->name.logical_path),
                                         .name = memory_copy_text(artifact->name.name),
                                         .data_type = memory_copy_text(artifact->name.data_type),
                                         .id = memory_copy_text(artifact->id)};
}

/* A stream may fail while its writer waits for nothing: it is told by its next call. */
static void fail(struct artifact *artifact, const struct error *reason, bool streamed)
{
    const struct journal_upload_key key = journal_key(artifact->session, artifact->name.logical_path);
    bool told = artifact->waiting.count > 0;
    artifact_upload_cancel(artifact->upload);
    artifact->upload = NULL;
    journal_upload_ended(&key);
    request_list_fail(&artifact->waiting, reason);
    if (streamed && !told)
        artifact->failure = *reason;
    /* What never was stored leaves no trace: its name is free for another output. */
    else if (!artifact->stored)
        artifact_free(artifact);
}

static void on_upload_done(void *context, const struct artifact_upload_result *result)
{
    struct artifact *artifact = context;
    const struct session *session = artifact->session;
    struct message_artifact message;
    bool streamed = artifact_upload_is_streamed(artifact->upload);
    artifact->upload = NULL;
    if (result->failure) {
        fail(artifact, result->failure, streamed);
        return;
    }
    memory_replace_text(&artifact->id, result->id);
    artifact->stored = true;
    /* Of a stream its writer has promised that it does not change. */
    artifact->file = streamed || file_fingerprint_is_settled(&result->file->fingerprint)
                         ? result->file->fingerprint
                         : (struct file_fingerprint){0};
    artifact_describe(artifact, &message);
    journal_artifact_stored(session->stored->journal, session->task_id, &message, &artifact->file);
    request_list_answer(&artifact->waiting, &message);
    message_clear(&message_artifact_type, &message);
}

/* --- putting --- */

bool artifact_name_wish(const struct session *session, const struct artifact_wish *wish,
                        struct artifact_name *name, struct error *error)
{
    if (!artifact_name_build(session->outputs_prefix, wish->rel_path, session->task_id, name, error))
        return false;
    if (wish->id && strlen(wish->id) > DOMAIN_ANSWER_ID_BYTES) {
        artifact_name_clear(name);
        return error_set(error, ERROR_TOO_LARGE, "id has more than %d bytes", DOMAIN_ANSWER_ID_BYTES);
    }
    if (!text_is_blank(wish->name))
        memory_replace_text(&name->name, wish->name);
    if (!text_is_blank(wish->data_type))
        memory_replace_text(&name->data_type, wish->data_type);
    if (strlen(name->logical_path) <= STORED_NAME_BYTES && strlen(name->name) <= STORED_NAME_BYTES &&
        strlen(name->data_type) <= LIMIT_NAME_BYTES)
        return true;
    artifact_name_clear(name);
    return error_set(error, ERROR_TOO_LARGE, "the name of output %.128s is too long", wish->rel_path);
}

struct artifact *artifact_find(const struct session *session, const char *logical_path)
{
    struct artifact *artifact = session->artifacts;
    while (artifact && strcmp(artifact->name.logical_path, logical_path) != 0)
        artifact = artifact->next;
    return artifact;
}

/* The server knows name and type alone: the later output would silently overwrite the first. */
static bool check_collisions(const struct session *session, const struct artifact_name *name,
                             struct error *error)
{
    for (const struct artifact *other = session->artifacts; other; other = other->next)
        if (artifact_name_collides(&other->name, name))
            return error_set(error, ERROR_CONFLICT, "outputs %.120s and %.120s would be one artifact, %.60s",
                             other->name.logical_path, name->logical_path, name->name);
    return true;
}

/* A new entry at the end. Takes `name`. */
static struct artifact *artifact_create(struct session *session, struct artifact_name *name)
{
    struct artifact **link = &session->artifacts;
    struct artifact *artifact = memory_allocate(sizeof *artifact);
    *artifact = (struct artifact){.session = session, .name = *name};
    *name = (struct artifact_name){0};
    while (*link)
        link = &(*link)->next;
    *link = artifact;
    session->artifact_count++;
    session->artifact_text_bytes += text_bytes(&artifact->name);
    return artifact;
}

static bool check_room(const struct session *session, const struct artifact_name *name, struct error *error)
{
    if (session->artifact_count < LIMIT_ARTIFACTS &&
        session->artifact_text_bytes + text_bytes(name) <= SESSION_TEXT_BYTES_MAX)
        return true;
    return error_set(error, ERROR_TOO_LARGE,
                     "the task has %zu artifacts already; more, or longer names, do not fit",
                     session->artifact_count);
}

static bool is_named(const struct artifact *artifact, const char *name, const char *data_type)
{
    return strcmp(artifact->name.name, name) == 0 && strcmp(artifact->name.data_type, data_type) == 0;
}

/* A known output under a new name is other data at the server. Takes `name`. */
static void rename_artifact(struct artifact *artifact, struct artifact_name *name)
{
    if (!is_named(artifact, name->name, name->data_type)) {
        free(artifact->id);
        artifact->id = NULL;
        artifact->stored = false;
    }
    artifact->session->artifact_text_bytes += text_bytes(name) - text_bytes(&artifact->name);
    artifact_name_clear(&artifact->name);
    artifact->name = *name;
    *name = (struct artifact_name){0};
}

static struct artifact *find_entry(struct session *session, struct artifact_name *name)
{
    struct artifact *artifact = artifact_find(session, name->logical_path);
    if (artifact)
        rename_artifact(artifact, name);
    else
        artifact = artifact_create(session, name);
    return artifact;
}

void artifact_note_failure(struct session *session, const struct artifact_wish *wish,
                           const struct error *reason)
{
    struct artifact_name name = {0};
    struct error ignored;
    log_write(LOG_LEVEL_WARN, &session->log, "cannot go on with the stream %.128s: %s", wish->rel_path,
              reason->text);
    if (artifact_name_wish(session, wish, &name, &ignored) && check_room(session, &name, &ignored))
        find_entry(session, &name)->failure = *reason;
    artifact_name_clear(&name);
}

struct artifact *artifact_begin(struct session *session, const struct artifact_wish *wish,
                                struct artifact_name *name, struct artifact_file *file, bool streamed,
                                struct error *error)
{
    bool is_new = !artifact_find(session, name->logical_path);
    if (!check_collisions(session, name, error) || (is_new && !check_room(session, name, error))) {
        artifact_file_close(file);
        return NULL;
    }
    struct artifact *artifact = find_entry(session, name);
    artifact->failure = (struct error){0};
    artifact->file = (struct file_fingerprint){0};
    journal_artifact_replaced(session->stored->journal, session->task_id, artifact->name.logical_path);
    artifact->upload = artifact_upload_start(
        &(struct artifact_upload_spec){.session = session,
                                       .name = &artifact->name,
                                       .existing_id = text_is_blank(wish->id) ? artifact->id : wish->id,
                                       .streamed = streamed,
                                       .transient = wish->bytes != NULL,
                                       .on_done = on_upload_done,
                                       .context = artifact},
        file);
    return artifact;
}

static bool open_file(const struct session *session, const struct artifact_wish *wish,
                      struct artifact_file *file, struct error *error)
{
    int fd = wish->bytes
                 ? workspace_spool_bytes(&session->workspace, wish->bytes->bytes, wish->bytes->length, error)
                 : workspace_open_file(&session->workspace, wish->path, error);
    return fd >= 0 && artifact_file_take(file, fd, error);
}

/* Whether the data at the server is what a put would make of it. */
static bool is_stored_as_it_is(const struct artifact *artifact, const struct artifact_name *name,
                               const char *id, const struct artifact_file *file)
{
    return artifact && artifact->stored && artifact->file.inode &&
           is_named(artifact, name->name, name->data_type) &&
           (text_is_blank(id) || strcmp(id, artifact->id) == 0) &&
           file_fingerprint_is_identical(&artifact->file, &file->fingerprint);
}

void artifact_answer_stored(const struct artifact *artifact, struct ipc_request *request)
{
    struct message_artifact message;
    artifact_describe(artifact, &message);
    ipc_answer(request, &message);
    message_clear(&message_artifact_type, &message);
}

/* Another file under the name of what is on its way would get lost. */
static bool is_under_way(const struct artifact *artifact, const struct artifact_wish *wish,
                         const struct artifact_file *file)
{
    const struct artifact_file *sent = artifact_upload_file(artifact->upload);
    if (artifact_upload_is_streamed(artifact->upload))
        return file_fingerprint_is_same_file(&sent->fingerprint, &file->fingerprint);
    return wish->bytes ? artifact_file_has_same_bytes(sent, file)
                       : file_fingerprint_equals(&sent->fingerprint, &file->fingerprint);
}

/* Waits for what is on its way; a stream's file is then taken for whole. */
static bool join(struct artifact *artifact, const struct artifact_wish *wish,
                 const struct artifact_file *file, struct ipc_request *request, struct error *error)
{
    if (!is_under_way(artifact, wish, file))
        return error_set(error, ERROR_CONFLICT, "output %.128s is being stored from other contents",
                         wish->rel_path);
    if (artifact_upload_is_streamed(artifact->upload) &&
        !artifact_upload_announce(artifact->upload, ARTIFACT_FILE_ALL, true, error))
        return false;
    request_list_add(&artifact->waiting, request);
    return true;
}

/* False when nobody will answer the request. */
static bool put(struct session *session, const struct artifact_wish *wish, struct artifact_name *name,
                struct ipc_request *request, struct error *error)
{
    struct artifact_file file = {.fd = -1};
    struct artifact *artifact = artifact_find(session, name->logical_path);
    if (!check_collisions(session, name, error) || !open_file(session, wish, &file, error))
        return false;
    if (artifact && artifact->upload) {
        bool joined = join(artifact, wish, &file, request, error);
        artifact_file_close(&file);
        return joined;
    }
    if (is_stored_as_it_is(artifact, name, wish->id, &file)) {
        artifact_file_close(&file);
        artifact_answer_stored(artifact, request);
        return true;
    }
    artifact = artifact_begin(session, wish, name, &file, false, error);
    if (artifact)
        request_list_add(&artifact->waiting, request);
    return artifact;
}

/*
 * Names are judged before the file is opened, so that a runner hears of a collision also for an output that
 * it has not written yet.
 */
static void put_or_fail(struct session *session, const struct artifact_wish *wish,
                        struct ipc_request *request)
{
    struct error error;
    struct artifact_name name = {0};
    if (!artifact_name_wish(session, wish, &name, &error) || !put(session, wish, &name, request, &error))
        ipc_fail(request, &error);
    artifact_name_clear(&name);
}

void artifact_put(struct session *session, const struct message_artifact_put *message,
                  struct ipc_request *request)
{
    const struct artifact_wish wish = {.path = message->path,
                                       .rel_path = message->rel_path,
                                       .name = message->name,
                                       .data_type = message->data_type,
                                       .id = message->id};
    put_or_fail(session, &wish, request);
}

void artifact_put_bytes(struct session *session, const struct message_artifact_put_bytes *message,
                        struct ipc_request *request)
{
    const struct artifact_wish wish = {.bytes = &message->bytes,
                                       .rel_path = message->rel_path,
                                       .name = message->name,
                                       .data_type = message->data_type,
                                       .id = message->id};
    put_or_fail(session, &wish, request);
}

/* --- all of a session --- */

void artifact_restore(struct session *session, const struct message_artifact *message,
                      const struct file_fingerprint *file)
{
    struct artifact_name name = {.logical_path = memory_copy_text(message->logical_path),
                                 .name = memory_copy_text(message->name),
                                 .data_type = memory_copy_text(message->data_type)};
    struct artifact *artifact = artifact_create(session, &name);
    artifact->id = memory_copy_text(message->id);
    artifact->stored = true;
    artifact->file = *file;
}

void artifacts_list(const struct session *session, struct message_artifacts *list)
{
    struct message_artifact *items = memory_allocate_array(session->artifact_count + 1, sizeof *items);
    size_t count = 0;
    for (const struct artifact *artifact = session->artifacts; artifact; artifact = artifact->next)
        if (artifact->stored)
            artifact_describe(artifact, &items[count++]);
    *list = (struct message_artifacts){.artifacts = {.items = items, .count = count}};
}

static void abort_upload(void *context, const char *upload_id)
{
    artifact_upload_abort(context, upload_id);
}

/* What no put has taken up again since the restart. */
static void abort_known_uploads(struct session *session)
{
    journal_uploads_end(session->stored->journal, session->task_id, abort_upload, session);
}

/* Failing an artifact that never was stored removes it from the list, hence the saved `next`. */
void artifacts_cancel(struct session *session, const struct error *reason)
{
    struct artifact *next = NULL;
    for (struct artifact *artifact = session->artifacts; artifact; artifact = next) {
        next = artifact->next;
        if (artifact->upload)
            fail(artifact, reason, false);
    }
    abort_known_uploads(session);
}

void artifacts_drop(struct session *session)
{
    struct artifact *next = NULL;
    for (struct artifact *artifact = session->artifacts; artifact; artifact = next) {
        next = artifact->next;
        artifact_free(artifact);
    }
}
