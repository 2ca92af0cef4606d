#include "services/stored/artifacts/artifact_put.h"

#include "libcommon/base/text.h"

#include <string.h>

/* Whether the data at the server is what a put would make of it. */
static bool is_stored_as_it_is(const struct artifact *artifact, const struct artifact_name *name,
                               const char *id, const struct artifact_file *file)
{
    return artifact && artifact->stored && artifact->file.inode &&
           artifact_is_named(artifact, name->name, name->data_type) &&
           (text_is_blank(id) || strcmp(id, artifact->id) == 0) &&
           file_fingerprint_is_identical(&artifact->file, &file->fingerprint);
}

/* Another file under the name of what is on its way would get lost. */
static bool is_under_way(const struct artifact *artifact, const struct artifact_request *spec,
                         const struct artifact_file *file)
{
    const struct artifact_file *sent = artifact_upload_file(artifact->upload);
    if (artifact_upload_is_streamed(artifact->upload))
        return file_fingerprint_is_same_file(&sent->fingerprint, &file->fingerprint);
    return spec->bytes ? artifact_file_has_same_bytes(sent, file)
                       : file_fingerprint_equals(&sent->fingerprint, &file->fingerprint);
}

/* Waits for what is on its way; a stream's file is then taken for whole. */
static bool join(struct artifact *artifact, const struct artifact_request *spec,
                 const struct artifact_file *file, struct ipc_request *request, struct error *error)
{
    if (!is_under_way(artifact, spec, file))
        return error_set(error, ERROR_CONFLICT, "output %.*s is being stored from other contents",
                         TEXT_CUT(spec->rel_path, 128));
    if (artifact_upload_is_streamed(artifact->upload) &&
        !artifact_upload_announce(artifact->upload, ARTIFACT_FILE_ALL, true, error))
        return false;
    request_list_add(&artifact->waiting, request);
    return true;
}

/* False when nobody will answer the request. */
static bool put(struct artifacts *artifacts, const struct artifact_request *spec, struct artifact_name *name,
                struct ipc_request *request, struct error *error)
{
    struct artifact_file file = {.fd = -1};
    struct artifact *artifact = artifact_table_find(&artifacts->table, name->logical_path);
    if (!artifact_table_check_collisions(&artifacts->table, name, error) ||
        !artifacts_open_file(artifacts, spec, &file, error))
        return false;
    if (artifact && artifact->upload) {
        bool joined = join(artifact, spec, &file, request, error);
        artifact_file_close(&file);
        return joined;
    }
    if (is_stored_as_it_is(artifact, name, spec->id, &file)) {
        artifact_file_close(&file);
        artifacts_answer_stored(artifact, request);
        return true;
    }
    artifact = artifacts_begin_upload(artifacts, spec, name, &file, false, error);
    if (artifact)
        request_list_add(&artifact->waiting, request);
    return artifact;
}

/*
 * Names are judged before the file is opened, so that a runner hears of a collision also for an output that
 * it has not written yet.
 */
static void put_or_fail(struct artifacts *artifacts, const struct artifact_request *spec,
                        struct ipc_request *request)
{
    struct error error;
    struct artifact_name name = {0};
    if (!artifacts_name(artifacts, spec, &name, &error) || !put(artifacts, spec, &name, request, &error))
        ipc_fail(request, &error);
    artifact_name_clear(&name);
}

void artifact_put(struct artifacts *artifacts, const struct message_artifact_put *message,
                  struct ipc_request *request)
{
    const struct artifact_request spec = {.path = message->path,
                                          .rel_path = message->rel_path,
                                          .name = message->name,
                                          .data_type = message->data_type,
                                          .id = message->id};
    put_or_fail(artifacts, &spec, request);
}

void artifact_put_bytes(struct artifacts *artifacts, const struct message_artifact_put_bytes *message,
                        struct ipc_request *request)
{
    const struct artifact_request spec = {.bytes = &message->bytes,
                                          .rel_path = message->rel_path,
                                          .name = message->name,
                                          .data_type = message->data_type,
                                          .id = message->id};
    put_or_fail(artifacts, &spec, request);
}
