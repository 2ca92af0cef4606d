/*
 * The session's table of artifacts, by logical path. An entry lives from its first put on; while an upload
 * runs, callers that put the same output wait for that upload instead of starting one more.
 */
#include "services/stored/artifact.h"

#include "libcommon/limits.h"
#include "libcommon/memory.h"
#include "libcommon/text.h"
#include "services/stored/artifact_name.h"
#include "services/stored/artifact_upload.h"
#include "services/stored/domain_answer.h"
#include "services/stored/request_list.h"

#include <stdlib.h>
#include <string.h>

/* The texts of all artifacts go into one answer of LIMIT_MESSAGE_BYTES. */
enum { SESSION_TEXT_BYTES_MAX = 6 * 1024 * 1024, STORED_NAME_BYTES = LIMIT_NAME_BYTES * 2 };

struct artifact {
    struct session *session;
    struct artifact_name name;
    char *id;    /* of the data at the server; NULL: not known yet */
    bool stored; /* an upload succeeded */

    struct artifact_upload *upload; /* under way; NULL: none */
    struct request_list waiting;    /* for its end */
    struct artifact *next;
};

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
    artifact_upload_cancel(artifact->upload);
    request_list_drop(&artifact->waiting);
    artifact_name_clear(&artifact->name);
    free(artifact->id);
    free(artifact);
}

/* message_clear() it. */
static void describe(const struct artifact *artifact, struct message_artifact *message)
{
    *message = (struct message_artifact){.logical_path = memory_copy_text(artifact->name.logical_path),
                                         .name = memory_copy_text(artifact->name.name),
                                         .data_type = memory_copy_text(artifact->name.data_type),
                                         .id = memory_copy_text(artifact->id)};
}

static void fail(struct artifact *artifact, const struct error *reason)
{
    artifact_upload_cancel(artifact->upload);
    artifact->upload = NULL;
    request_list_fail(&artifact->waiting, reason);
    /* What never was stored leaves no trace: its name is free for another output. */
    if (!artifact->stored)
        artifact_free(artifact);
}

static void on_upload_done(void *context, const char *id, const struct error *failure)
{
    struct artifact *artifact = context;
    struct message_artifact message;
    artifact->upload = NULL;
    if (failure) {
        fail(artifact, failure);
        return;
    }
    memory_replace_text(&artifact->id, id);
    artifact->stored = true;
    describe(artifact, &message);
    request_list_answer(&artifact->waiting, &message);
    message_clear(&message_artifact_type, &message);
}

/* --- putting --- */

/* What an output is called; all but rel_path may be NULL. Borrowed from the request. */
struct artifact_naming {
    const char *rel_path;
    const char *name;
    const char *data_type;
    const char *id;
};

/* The derived name, and what the runner says instead. Limits are those of the messages that carry the result.
 */
static bool build_name(const struct session *session, const struct artifact_naming *naming,
                       struct artifact_name *name, struct error *error)
{
    if (!artifact_name_build(session->outputs_prefix, naming->rel_path, session->task_id, name, error))
        return false;
    if (naming->id && strlen(naming->id) > DOMAIN_ANSWER_ID_BYTES) {
        artifact_name_clear(name);
        return error_set(error, ERROR_TOO_LARGE, "id has more than %d bytes", DOMAIN_ANSWER_ID_BYTES);
    }
    if (!text_is_blank(naming->name))
        memory_replace_text(&name->name, naming->name);
    if (!text_is_blank(naming->data_type))
        memory_replace_text(&name->data_type, naming->data_type);
    if (strlen(name->logical_path) <= STORED_NAME_BYTES && strlen(name->name) <= STORED_NAME_BYTES &&
        strlen(name->data_type) <= LIMIT_NAME_BYTES)
        return true;
    artifact_name_clear(name);
    return error_set(error, ERROR_TOO_LARGE, "the name of output %.128s is too long", naming->rel_path);
}

static struct artifact *find(const struct session *session, const struct artifact_name *name)
{
    struct artifact *artifact = session->artifacts;
    while (artifact && strcmp(artifact->name.logical_path, name->logical_path) != 0)
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

/* A known output under a new name is other data at the server. Takes `name`. */
static void rename_artifact(struct artifact *artifact, struct artifact_name *name)
{
    if (strcmp(artifact->name.name, name->name) != 0 ||
        strcmp(artifact->name.data_type, name->data_type) != 0) {
        free(artifact->id);
        artifact->id = NULL;
        artifact->stored = false;
    }
    artifact->session->artifact_text_bytes += text_bytes(name) - text_bytes(&artifact->name);
    artifact_name_clear(&artifact->name);
    artifact->name = *name;
    *name = (struct artifact_name){0};
}

/*
 * False when nothing is left to do for `request`: it was refused, or waits for an upload that is under way.
 * Names are judged before the file is opened, so that a runner hears of a collision also for an output that
 * it has not written yet.
 */
static bool accept_put(struct session *session, const struct artifact_naming *naming,
                       struct ipc_request *request, struct artifact_name *name)
{
    struct error error;
    *name = (struct artifact_name){0};
    if (!session_check_active(session, &error) || !build_name(session, naming, name, &error)) {
        ipc_fail(request, &error);
        return false;
    }
    struct artifact *artifact = find(session, name);
    if (artifact && artifact->upload) {
        request_list_add(&artifact->waiting, request);
        artifact_name_clear(name);
        return false;
    }
    if (check_collisions(session, name, &error) && (artifact || check_room(session, name, &error)))
        return true;
    artifact_name_clear(name);
    ipc_fail(request, &error);
    return false;
}

/* Takes `name` and `fd`; -1 is a file that cannot be had, for the reason in `error`. */
static void start_upload(struct session *session, struct artifact_name *name, const char *id, int fd,
                         struct error *error, struct ipc_request *request)
{
    struct artifact_file file;
    if (fd < 0 || !artifact_file_take(&file, fd, error)) {
        artifact_name_clear(name);
        ipc_fail(request, error);
        return;
    }
    struct artifact *artifact = find(session, name);
    if (artifact)
        rename_artifact(artifact, name);
    else
        artifact = artifact_create(session, name);
    request_list_add(&artifact->waiting, request);
    artifact->upload = artifact_upload_start(session, &artifact->name, text_is_blank(id) ? artifact->id : id,
                                             &file, on_upload_done, artifact);
}

void artifact_put(struct session *session, const struct message_artifact_put *put,
                  struct ipc_request *request)
{
    const struct artifact_naming naming = {put->rel_path, put->name, put->data_type, put->id};
    struct artifact_name name;
    struct error error;
    if (!accept_put(session, &naming, request, &name))
        return;
    int fd = workspace_open_file(&session->workspace, put->path, &error);
    start_upload(session, &name, put->id, fd, &error, request);
}

void artifact_put_bytes(struct session *session, const struct message_artifact_put_bytes *put,
                        struct ipc_request *request)
{
    const struct artifact_naming naming = {put->rel_path, put->name, put->data_type, put->id};
    struct artifact_name name;
    struct error error;
    if (!accept_put(session, &naming, request, &name))
        return;
    int fd = workspace_keep_bytes(&session->workspace, put->bytes.bytes, put->bytes.length, &error);
    start_upload(session, &name, put->id, fd, &error, request);
}

/* --- all of a session --- */

void artifacts_list(const struct session *session, struct message_artifacts *list)
{
    struct message_artifact *items = memory_allocate_array(session->artifact_count + 1, sizeof *items);
    size_t count = 0;
    for (const struct artifact *artifact = session->artifacts; artifact; artifact = artifact->next)
        if (artifact->stored)
            describe(artifact, &items[count++]);
    *list = (struct message_artifacts){.artifacts = {.items = items, .count = count}};
}

/* Failing an artifact that never was stored removes it from the list, hence the saved `next`. */
void artifacts_cancel(struct session *session, const struct error *reason)
{
    struct artifact *next = NULL;
    for (struct artifact *artifact = session->artifacts; artifact; artifact = next) {
        next = artifact->next;
        if (artifact->upload)
            fail(artifact, reason);
    }
}

void artifacts_drop(struct session *session)
{
    struct artifact *next = NULL;
    for (struct artifact *artifact = session->artifacts; artifact; artifact = next) {
        next = artifact->next;
        artifact_free(artifact);
    }
}
