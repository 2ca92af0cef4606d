/*
 * init -> parts, `concurrency` of them at a time, each from its own range of the file -> complete. A part
 * that fails for the moment is tried again alone (domain_request.h); one that fails for good ends the upload,
 * and the server is told. The journal hears of each step after the server took it, but of `complete` before
 * it is sent: then nobody can know whether it was taken.
 */
#include "services/stored/artifacts/multipart_upload.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_writer.h"
#include "services/stored/artifacts/data_path.h"
#include "services/stored/artifacts/multipart_plan.h"
#include "services/stored/domain/domain_answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* One part on its way, from its own range of the file; used for one range after the other. */
struct part {
    struct multipart_upload *upload;
    struct domain_request *request; /* NULL: the part is free */
    struct multipart_range range;
    int64_t moved_bytes; /* of the range, and counted by the meter */
    char *etag;
};

struct multipart_upload {
    struct multipart_upload_spec spec;
    char *upload_id; /* as the server gave it */
    char *id;        /* of the stored data */
    int64_t part_bytes;
    struct multipart_plan plan;
    struct domain_request *request; /* init or complete */
    int complete_attempts;
    struct loop_timer resume_timer; /* to resume in a turn of its own */
    struct part parts[MULTIPART_UPLOAD_CONCURRENCY_MAX];
};

/* --- the end --- */

static void stop_requests(struct multipart_upload *upload)
{
    loop_timer_stop(&upload->resume_timer);
    domain_request_cancel(upload->request);
    upload->request = NULL;
    for (size_t i = 0; i < MULTIPART_UPLOAD_CONCURRENCY_MAX; i++) {
        domain_request_cancel(upload->parts[i].request);
        free(upload->parts[i].etag);
        upload->parts[i] = (struct part){.upload = upload};
    }
}

void multipart_upload_drop(struct multipart_upload *upload)
{
    if (!upload)
        return;
    stop_requests(upload);
    multipart_plan_clear(&upload->plan);
    free(upload->upload_id);
    free(upload->id);
    free(upload);
}

void multipart_upload_cancel(struct multipart_upload *upload)
{
    if (!upload)
        return;
    /* Parts first: one that arrives after the abort would be kept by some servers. */
    stop_requests(upload);
    if (upload->upload_id)
        multipart_aborts_add(upload->spec.aborts, upload->spec.access, upload->spec.data_path,
                             upload->upload_id);
    multipart_upload_drop(upload);
}

/*
 * What was stored, may have been, or never began is not aborted: an abort could undo what another try of
 * `complete` has done. What the server says to have forgotten is: it may be wrong.
 */
static void end(struct multipart_upload *upload, struct multipart_upload_result *result)
{
    multipart_upload_done *on_done = upload->spec.on_done;
    void *context = upload->spec.context;
    char *id = upload->id;
    upload->id = NULL;
    result->id = id;
    result->part_count = upload->plan.part_count;
    if (id || result->maybe_stored || result->unsupported)
        multipart_upload_drop(upload);
    else
        multipart_upload_cancel(upload);
    on_done(context, result);
    free(id);
}

static void fail(struct multipart_upload *upload, const struct error *error)
{
    struct multipart_upload_result result = {.error = *error};
    end(upload, &result);
}

/* --- complete --- */

static bool check_completed(void *context, const struct http_response *response, struct error *error)
{
    struct multipart_upload *upload = context;
    if (!domain_answer_id(response, &upload->id, error))
        return false;
    return upload->id || error_set(error, ERROR_INVALID, "the answer to the completed upload has no id");
}

static void on_complete_attempt(void *context)
{
    struct multipart_upload *upload = context;
    upload->complete_attempts++;
}

static void on_completed(void *context, const struct http_response *response, const struct error *failure)
{
    struct multipart_upload *upload = context;
    struct multipart_upload_result result = {0};
    (void)response;
    upload->request = NULL;
    if (failure) {
        bool tried_before = upload->complete_attempts > 1;
        result.error = *failure;
        result.maybe_stored = tried_before && (failure->status == 404 || failure->status == 409);
        result.forgotten = !tried_before && failure->status == 404;
    }
    end(upload, &result);
}

static void complete(struct multipart_upload *upload)
{
    struct error error;
    /* Parts of different contents must not become one artifact. */
    if (!artifact_file_is_unchanged(upload->spec.file, &error)) {
        fail(upload, &error);
        return;
    }
    journal_upload_completing(&upload->spec.journal);
    char *body = multipart_plan_completion(&upload->plan);
    char *path = data_path_of_upload(upload->spec.data_path, upload->upload_id);
    upload->request = domain_request_send(upload->spec.access, &(struct domain_request_spec){
                                                                   .method = "POST",
                                                                   .path = path,
                                                                   .accept = "application/json",
                                                                   .content_type = "application/json",
                                                                   .body = body,
                                                                   .body_bytes = strlen(body),
                                                                   .on_attempt = on_complete_attempt,
                                                                   .check = check_completed,
                                                                   .on_done = on_completed,
                                                                   .context = upload,
                                                               });
    free(path);
    free(body);
}

/* --- parts --- */

static void on_part_done(void *context, const struct http_response *response, const struct error *failure);

/* Straight from the file: a part is never held in memory, whatever its size. */
static ssize_t read_part(void *context, int64_t offset, void *out, size_t capacity)
{
    struct part *part = context;
    const struct multipart_upload_spec *spec = &part->upload->spec;
    int64_t left = part->range.bytes - offset;
    if (left < (int64_t)capacity)
        capacity = left > 0 ? (size_t)left : 0;
    ssize_t got = artifact_file_read(spec->file, part->range.offset + offset, out, capacity);
    if (got > 0) {
        transfer_meter_add(spec->meter, offset + got - part->moved_bytes);
        part->moved_bytes = offset + got;
    }
    return got;
}

static bool check_etag(void *context, const struct http_response *response, struct error *error)
{
    struct part *part = context;
    return domain_answer_etag(response, &part->etag, error);
}

static void send_part(struct part *part, const struct multipart_range *range)
{
    const struct multipart_upload *upload = part->upload;
    char *path = data_path_of_part(upload->spec.data_path, upload->upload_id, range->number);
    part->range = *range;
    part->moved_bytes = 0;
    part->request = domain_request_send(
        upload->spec.access, &(struct domain_request_spec){.method = "PUT",
                                                           .path = path,
                                                           .accept = "application/json",
                                                           .content_type = "application/octet-stream",
                                                           .source = read_part,
                                                           .source_bytes = range->bytes,
                                                           .transfer = true,
                                                           .share = upload->spec.share,
                                                           .check = check_etag,
                                                           .on_done = on_part_done,
                                                           .context = part});
    free(path);
}

/* Completes it, or starts as many parts as may be in flight. */
static void send_parts_or_complete(struct multipart_upload *upload)
{
    struct multipart_range range;
    if (multipart_plan_is_done(&upload->plan)) {
        complete(upload);
        return;
    }
    for (size_t i = 0; i < upload->spec.concurrency; i++) {
        if (upload->parts[i].request)
            continue;
        if (!multipart_plan_next(&upload->plan, &range))
            return;
        send_part(&upload->parts[i], &range);
    }
}

static void on_part_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct part *part = context;
    struct multipart_upload *upload = part->upload;
    size_t number = part->range.number;
    char *etag = part->etag;
    (void)response;
    part->request = NULL;
    part->etag = NULL;
    if (failure) {
        struct error error = *failure;
        error_prefix(&error, "part %zu of %zu", number, upload->plan.part_count);
        /* A source that ended early says "system": the reason is better. */
        if (error.code == ERROR_SYSTEM)
            (void)artifact_file_is_unchanged(upload->spec.file, &error);
        struct multipart_upload_result result = {.error = error, .forgotten = failure->status == 404};
        end(upload, &result);
        return;
    }
    journal_part_stored(&upload->spec.journal, number, etag);
    log_write(LOG_LEVEL_DEBUG, &upload->spec.access->log, "part %zu of %zu is up", number,
              upload->plan.part_count);
    multipart_plan_finish(&upload->plan, number, etag);
    send_parts_or_complete(upload);
}

/* --- init --- */

/* The id is kept also from an answer that is wrong otherwise, for the abort. */
static bool check_init(void *context, const struct http_response *response, struct error *error)
{
    struct multipart_upload *upload = context;
    return domain_answer_upload(response, &upload->upload_id, &upload->part_bytes, error);
}

static void note_begun(const struct multipart_upload *upload)
{
    const struct multipart_upload_spec *spec = &upload->spec;
    struct journal_upload begun = {.name = memory_copy_text(spec->name),
                                   .data_type = memory_copy_text(spec->data_type),
                                   .existing_id = memory_copy_text(spec->existing_id),
                                   .upload_id = memory_copy_text(upload->upload_id),
                                   .part_bytes = upload->part_bytes,
                                   .file = spec->file->fingerprint};
    journal_upload_began(&spec->journal, &begun);
    journal_upload_clear(&begun);
}

/* With what the file has by now. */
static void go_on(void *context)
{
    struct multipart_upload *upload = context;
    struct error error;
    if (multipart_plan_extend(&upload->plan, upload->spec.file->bytes, upload->spec.whole, &error))
        send_parts_or_complete(upload);
    else
        fail(upload, &error);
}

/* 501 would be a failure for the moment anywhere else; here it is a server without multipart. */
static void on_init_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct multipart_upload *upload = context;
    struct error error;
    (void)response;
    upload->request = NULL;
    if (failure && (failure->status == 404 || failure->status == 405 || failure->status == 501)) {
        struct multipart_upload_result result = {.unsupported = true, .error = *failure};
        end(upload, &result);
    } else if (failure) {
        fail(upload, failure);
    } else if (!multipart_plan_init(&upload->plan, upload->part_bytes, &error)) {
        fail(upload, &error);
    } else {
        note_begun(upload);
        go_on(upload);
    }
}

void multipart_upload_extend(struct multipart_upload *upload, bool whole)
{
    upload->spec.whole = whole;
    /* Not known to the server yet: on_init_done() does it then. */
    if (upload->plan.part_bytes > 0)
        go_on(upload);
}

static char *init_body(const struct multipart_upload_spec *spec)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "name", spec->name);
    json_writer_string_member(&writer, "data_type", spec->data_type);
    if (spec->whole)
        json_writer_int64_member(&writer, "size", spec->file->bytes);
    json_writer_string_member(&writer, "content_type", "application/octet-stream");
    if (spec->existing_id)
        json_writer_string_member(&writer, "existing_id", spec->existing_id);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

static struct multipart_upload *create(const struct multipart_upload_spec *spec)
{
    struct multipart_upload *upload = memory_allocate(sizeof *upload);
    upload->spec = *spec;
    loop_timer_init(&upload->resume_timer, spec->access->client->loop, go_on, upload);
    assert(spec->concurrency >= 1 && spec->concurrency <= MULTIPART_UPLOAD_CONCURRENCY_MAX);
    for (size_t i = 0; i < MULTIPART_UPLOAD_CONCURRENCY_MAX; i++)
        upload->parts[i].upload = upload;
    return upload;
}

struct multipart_upload *multipart_upload_start(const struct multipart_upload_spec *spec)
{
    struct multipart_upload *upload = create(spec);
    char *body = init_body(spec);
    char *path = memory_format("%s/multipart?uploads", spec->data_path);
    upload->request = domain_request_send(spec->access, &(struct domain_request_spec){
                                                            .method = "POST",
                                                            .path = path,
                                                            .accept = "application/json",
                                                            .content_type = "application/json",
                                                            .body = body,
                                                            .body_bytes = strlen(body),
                                                            .final_status = 501,
                                                            .check = check_init,
                                                            .on_done = on_init_done,
                                                            .context = upload,
                                                        });
    free(path);
    free(body);
    return upload;
}

/* --- after a restart --- */

struct multipart_upload *multipart_upload_resume(const struct multipart_upload_spec *spec,
                                                 const struct journal_upload *found)
{
    struct multipart_upload *upload = create(spec);
    struct error error;
    upload->upload_id = memory_copy_text(found->upload_id);
    upload->complete_attempts = found->completing ? 1 : 0;
    /* A plan that cannot be is found again when it is resumed. */
    if (multipart_plan_init(&upload->plan, found->part_bytes, &error) &&
        multipart_plan_extend(&upload->plan, spec->file->bytes, spec->whole, &error))
        for (size_t i = 0; i < found->part_count; i++)
            multipart_plan_finish(&upload->plan, found->parts[i].number,
                                  memory_copy_text(found->parts[i].etag));
    transfer_meter_restore(spec->meter, multipart_plan_done_bytes(&upload->plan));
    loop_timer_start(&upload->resume_timer, 0);
    return upload;
}
