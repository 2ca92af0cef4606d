/*
 * The way of one upload:
 *
 *   (what an earlier run left -> go on with it, or end it at the server first)
 *   look up the id -> (small) ask for the server's limits -> one request
 *                  -> (large or streamed) multipart -> one request, when the server has no multipart
 *
 * One of `request`, `limits`, `small` and `multipart` is at work while something is under way. A stream that
 * has not grown yet has none: it waits to be told more. Each step begins in a turn of the loop of its own
 * (`step_timer`), so that no caller of this file is called back before it has its answer.
 */
#include "services/stored/artifacts/artifact_upload.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/http/url.h"
#include "services/stored/artifacts/known_upload.h"
#include "services/stored/artifacts/multipart_upload.h"
#include "services/stored/artifacts/small_upload.h"
#include "services/stored/artifacts/upload_limits.h"
#include "services/stored/domain/domain_answer.h"
#include "services/stored/stored.h"

#include <stdlib.h>

enum way { WAY_UNKNOWN, WAY_SMALL, WAY_MULTIPART };

struct artifact_upload {
    struct session *session;
    const struct artifact_name *name;
    char *id; /* of the data at the server; NULL: none, or not known yet */
    struct artifact_file file;
    char *data_path; /* api/v1/domains/{domain}/data */
    artifact_upload_done *on_done;
    void *context;
    struct domain_request *request; /* a look-up, or the end of a known upload */
    struct upload_limits limits;
    struct small_upload *small;
    struct multipart_upload *multipart;
    enum way way;
    bool streamed;
    bool whole;                  /* no stream, or one that is finished */
    bool transient;              /* the file was made for this upload alone */
    struct journal_upload known; /* from before a restart; empty: none */
    enum known_upload_use known_use;
    struct loop_timer step_timer;
    bool multipart_unsupported;
    bool began_anew;   /* the server had forgotten the upload */
    size_t part_count; /* 0: it went up in one request */
    bool looked_up_again;
    int64_t started_ms;
    struct transfer *transfer;
};

static void choose_way(struct artifact_upload *upload);
static void begin(struct artifact_upload *upload);
static void go_on(struct artifact_upload *upload);

static char *data_path(const struct session *session)
{
    char *domain = url_encode_component(session->domain_id);
    char *path = memory_format("api/v1/domains/%s/data", domain);
    free(domain);
    return path;
}

/* --- the end --- */

void artifact_upload_drop(struct artifact_upload *upload)
{
    if (!upload)
        return;
    loop_timer_stop(&upload->step_timer);
    domain_request_cancel(upload->request);
    upload_limits_cancel(&upload->limits);
    multipart_upload_drop(upload->multipart);
    small_upload_cancel(upload->small);
    journal_upload_clear(&upload->known);
    artifact_file_close(&upload->file);
    transfer_end(upload->transfer, clock_boot_ms());
    free(upload->data_path);
    free(upload->id);
    free(upload);
}

void artifact_upload_abort(const struct session *session, const char *upload_id)
{
    char *whole = data_path(session);
    char *path = multipart_upload_path(whole, upload_id);
    multipart_aborts_add(session->stored->aborts, &session->access, path);
    free(path);
    free(whole);
}

void artifact_upload_cancel(struct artifact_upload *upload)
{
    if (!upload)
        return;
    multipart_upload_cancel(upload->multipart);
    upload->multipart = NULL;
    if (upload->known.upload_id)
        artifact_upload_abort(upload->session, upload->known.upload_id);
    artifact_upload_drop(upload);
}

static void finish(struct artifact_upload *upload, const struct error *failure)
{
    const struct artifact_upload_result result = {
        .id = failure ? NULL : upload->id, .failure = failure, .file = &upload->file};
    upload->on_done(upload->context, &result);
    artifact_upload_cancel(upload);
}

static void give_up(struct artifact_upload *upload, const struct error *error)
{
    const struct error reason = *error;
    log_write(LOG_LEVEL_WARN, &upload->session->log, "cannot store artifact %.200s: %s",
              upload->name->logical_path, reason.text);
    finish(upload, &reason);
}

static void succeed(struct artifact_upload *upload)
{
    struct error error;
    const struct log_task *log = &upload->session->log;
    double seconds = (double)(clock_boot_ms() - upload->started_ms) / 1000;
    long long bytes = (long long)upload->file.bytes;
    /* Multipart looked before it completed the upload. */
    if (upload->part_count == 0 && !artifact_file_is_unchanged(&upload->file, &error)) {
        give_up(upload, &error);
        return;
    }
    if (upload->part_count > 0)
        log_write(LOG_LEVEL_INFO, log, "stored artifact %.200s (%lld bytes, multipart %zu parts, %.1f s)",
                  upload->name->logical_path, bytes, upload->part_count, seconds);
    else
        log_write(LOG_LEVEL_INFO, log, "stored artifact %.200s (%lld bytes, %.1f s)",
                  upload->name->logical_path, bytes, seconds);
    finish(upload, NULL);
}

/* --- the id of what is there --- */

/* Runs for each try: the id of an earlier one counts no more. */
static bool check_lookup(void *context, const struct http_response *response, struct error *error)
{
    struct artifact_upload *upload = context;
    free(upload->id);
    return domain_answer_find(response, upload->name->name, upload->name->data_type, &upload->id, error);
}

/* 404 is a server's way to say that there is nothing of that name. */
static void on_lookup_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    (void)response;
    upload->request = NULL;
    if (failure && failure->status != 404)
        give_up(upload, failure);
    else
        choose_way(upload);
}

static void look_up(struct artifact_upload *upload, http_done_function *on_done)
{
    char *name = url_encode_component(upload->name->name);
    char *data_type = url_encode_component(upload->name->data_type);
    char *path = memory_format("%s?name=%s&data_type=%s", upload->data_path, name, data_type);
    upload->request = domain_request_send(&upload->session->access, &(struct domain_request_spec){
                                                                        .method = "GET",
                                                                        .path = path,
                                                                        .accept = "application/json",
                                                                        .check = check_lookup,
                                                                        .on_done = on_done,
                                                                        .context = upload,
                                                                    });
    free(path);
    free(data_type);
    free(name);
}

/* --- large --- */

/* Once: a server that forgets every upload would be asked for ever. */
static void give_up_or_begin_anew(struct artifact_upload *upload, const struct error *error)
{
    if (upload->began_anew) {
        give_up(upload, error);
        return;
    }
    log_write(LOG_LEVEL_WARN, &upload->session->log, "%s: the upload of %.200s begins anew", error->text,
              upload->name->logical_path);
    upload->began_anew = true;
    go_on(upload);
}

/* `complete` was tried twice and the second time refused: the first may have been taken. */
static void on_completion_looked_up(void *context, const struct http_response *response,
                                    const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct error error;
    (void)response;
    upload->request = NULL;
    if (!failure && upload->id) {
        succeed(upload);
        return;
    }
    if (failure) {
        error = *failure;
        give_up(upload, &error);
        return;
    }
    error_set(&error, ERROR_NOT_FOUND, "the completed upload is not at the server");
    give_up_or_begin_anew(upload, &error);
}

/*
 * Whether a completion was taken whose answer got lost: a new artifact is looked for by its name. Of an
 * update nobody could tell, as the data was there before: it begins anew.
 */
static void on_multipart_done(void *context, const struct multipart_upload_result *result)
{
    struct artifact_upload *upload = context;
    upload->multipart = NULL;
    upload->part_count = result->part_count;
    if (result->id) {
        memory_replace_text(&upload->id, result->id);
        succeed(upload);
    } else if (result->unsupported) {
        log_write(LOG_LEVEL_INFO, &upload->session->log,
                  "the domain server has no multipart; using one request");
        upload->multipart_unsupported = true;
        upload->way = WAY_SMALL;
        go_on(upload);
    } else if (result->maybe_stored && !upload->id) {
        look_up(upload, on_completion_looked_up);
    } else if (result->forgotten || result->maybe_stored) {
        give_up_or_begin_anew(upload, &result->error);
    } else {
        give_up(upload, &result->error);
    }
}

static void start_multipart(struct artifact_upload *upload)
{
    struct session *session = upload->session;
    const struct multipart_upload_spec spec = {
        .access = &session->access,
        .aborts = session->stored->aborts,
        .file = &upload->file,
        .whole = upload->whole,
        .journal = {session->stored->journal, session->task_id, upload->name->logical_path},
        .data_path = upload->data_path,
        .name = upload->name->name,
        .data_type = upload->name->data_type,
        .existing_id = upload->id,
        .concurrency = session->stored->upload_concurrency,
        .meter = transfer_meter_of(upload->transfer),
        .on_done = on_multipart_done,
        .context = upload};
    upload->way = WAY_MULTIPART;
    transfer_meter_set(transfer_meter_of(upload->transfer), 0);
    if (upload->known.upload_id && upload->known_use == KNOWN_UPLOAD_GO_ON)
        upload->multipart = multipart_upload_resume(&spec, &upload->known);
    else
        upload->multipart = multipart_upload_start(&spec);
    journal_upload_clear(&upload->known);
}

/* --- small --- */

static void on_small_done(void *context, const char *id, const struct error *failure)
{
    struct artifact_upload *upload = context;
    upload->small = NULL;
    if (!failure) {
        memory_replace_text(&upload->id, id);
        succeed(upload);
    } else if (failure->status == 409 && !upload->id && !upload->looked_up_again) {
        /* An answer that got lost, or somebody else created it meanwhile: then it is updated. */
        upload->looked_up_again = true;
        look_up(upload, on_lookup_done);
    } else if (failure->status == 413 && upload->file.bytes > 0 && !upload->multipart_unsupported) {
        /* The server takes less at once than it said, or said nothing. */
        start_multipart(upload);
    } else {
        give_up(upload, failure);
    }
}

static struct small_upload_spec small_spec(struct artifact_upload *upload)
{
    return (struct small_upload_spec){.access = &upload->session->access,
                                      .file = &upload->file,
                                      .data_path = upload->data_path,
                                      .name = upload->name->name,
                                      .data_type = upload->name->data_type,
                                      .id = upload->id,
                                      .meter = transfer_meter_of(upload->transfer),
                                      .on_done = on_small_done,
                                      .context = upload};
}

static void start_small(struct artifact_upload *upload)
{
    const struct small_upload_spec spec = small_spec(upload);
    upload->way = WAY_SMALL;
    upload->part_count = 0;
    upload->small = small_upload_start(&spec);
}

/* --- which of the two --- */

/* A server that takes less at once than our minimum for multipart gets parts earlier. */
static void start_as_server_wants(void *context, const struct upload_info *info)
{
    struct artifact_upload *upload = context;
    const struct small_upload_spec spec = small_spec(upload);
    if (upload->file.bytes > 0 && upload_info_demands_multipart(info, small_upload_request_bytes(&spec)))
        start_multipart(upload);
    else
        start_small(upload);
}

/* An empty artifact is below any minimum (POSEMESH_MULTIPART_MIN_BYTES is above 0): it takes the small form.
 */
static void choose_way(struct artifact_upload *upload)
{
    if (upload->streamed || upload->file.bytes >= upload->session->stored->multipart_min_bytes) {
        upload->way = WAY_MULTIPART;
        go_on(upload);
        return;
    }
    upload_limits_ask(&upload->limits, upload->session, start_as_server_wants, upload);
}

/* --- what an earlier run of stored left --- */

/* It is ended at the server before anything else is told or done, so that it does not stay behind. */
static void on_known_ended(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct error error;
    (void)response;
    upload->request = NULL;
    if (failure)
        log_write(LOG_LEVEL_WARN, &upload->session->log,
                  "an upload that was given up stays at the server: %s", failure->text);
    bool changed = upload->known_use == KNOWN_UPLOAD_CHANGED;
    upload->known_use = KNOWN_UPLOAD_NONE;
    journal_upload_clear(&upload->known);
    if (changed && !upload->transient) {
        error_set(&error, ERROR_CONFLICT, "the file changed since its upload began");
        give_up(upload, &error);
    } else {
        begin(upload);
    }
}

static void end_known(struct artifact_upload *upload)
{
    char *path = multipart_upload_path(upload->data_path, upload->known.upload_id);
    upload->request =
        domain_request_send(&upload->session->access, &(struct domain_request_spec){.method = "DELETE",
                                                                                    .path = path,
                                                                                    .best_effort = true,
                                                                                    .on_done = on_known_ended,
                                                                                    .context = upload});
    free(path);
}

static void find_known(struct artifact_upload *upload)
{
    const struct session *session = upload->session;
    const struct journal_upload_key key = {session->stored->journal, session->task_id,
                                           upload->name->logical_path};
    upload->known_use =
        known_upload_find(&key, upload->name, &upload->file, upload->streamed, &upload->known);
    if (upload->known_use == KNOWN_UPLOAD_GO_ON)
        memory_replace_text(&upload->id, upload->known.existing_id);
    if (upload->streamed)
        upload->file.bytes = upload->known_use == KNOWN_UPLOAD_GO_ON
                                 ? known_upload_announced_bytes(&upload->known, &upload->file)
                                 : 0;
}

/* --- step by step --- */

/* Begins what can begin by now, or tells the multipart upload that there is more. */
static void go_on(struct artifact_upload *upload)
{
    if (upload->multipart)
        multipart_upload_extend(upload->multipart, upload->whole);
    else if (upload->request || upload->limits.request || upload->small || upload->way == WAY_UNKNOWN)
        return;
    else if (upload->whole && (upload->way == WAY_SMALL || upload->file.bytes == 0))
        start_small(upload);
    else if (upload->way == WAY_MULTIPART && upload->file.bytes > 0)
        start_multipart(upload);
}

/* A stream that nothing was written to costs nothing. */
static void begin(struct artifact_upload *upload)
{
    if (!upload->whole && upload->file.bytes == 0)
        return;
    if (upload->id)
        choose_way(upload);
    else
        look_up(upload, on_lookup_done);
}

static void on_step_due(void *context)
{
    struct artifact_upload *upload = context;
    if (upload->way != WAY_UNKNOWN || upload->request || upload->limits.request)
        go_on(upload);
    else if (upload->known_use == KNOWN_UPLOAD_NONE)
        begin(upload);
    else if (upload->known_use == KNOWN_UPLOAD_GO_ON)
        start_multipart(upload);
    else
        end_known(upload);
}

const struct artifact_file *artifact_upload_file(const struct artifact_upload *upload)
{
    return &upload->file;
}

bool artifact_upload_is_streamed(const struct artifact_upload *upload)
{
    return upload->streamed;
}

bool artifact_upload_announce(struct artifact_upload *upload, int64_t length_bytes, bool whole,
                              struct error *error)
{
    if (upload->whole && length_bytes != ARTIFACT_FILE_ALL && length_bytes != upload->file.bytes)
        return error_set(error, ERROR_CONFLICT, "the artifact was finished with %lld bytes",
                         (long long)upload->file.bytes);
    if (upload->whole)
        return true;
    if (whole ? !artifact_file_finish(&upload->file, length_bytes, error)
              : !artifact_file_grow(&upload->file, length_bytes, error))
        return false;
    upload->whole = whole;
    if (whole)
        transfer_meter_of(upload->transfer)->total_bytes = upload->file.bytes;
    loop_timer_start(&upload->step_timer, 0);
    return true;
}

struct artifact_upload *artifact_upload_start(const struct artifact_upload_spec *spec,
                                              const struct artifact_file *file)
{
    struct artifact_upload *upload = memory_allocate(sizeof *upload);
    struct session *session = spec->session;
    *upload = (struct artifact_upload){.session = session,
                                       .name = spec->name,
                                       .file = *file,
                                       .transient = spec->transient,
                                       .streamed = spec->streamed,
                                       .whole = !spec->streamed,
                                       .data_path = data_path(session),
                                       .on_done = spec->on_done,
                                       .context = spec->context,
                                       .started_ms = clock_boot_ms()};
    upload->id = memory_copy_text(spec->existing_id);
    find_known(upload);
    upload->transfer =
        transfer_begin(&session->stored->transfers, session->task_id, TRANSFER_OUT, spec->name->logical_path,
                       upload->whole ? file->bytes : -1, upload->started_ms);
    loop_timer_init(&upload->step_timer, session->stored->context->loop, on_step_due, upload);
    loop_timer_start(&upload->step_timer, 0);
    return upload;
}
