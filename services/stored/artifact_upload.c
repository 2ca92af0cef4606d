/*
 * The way of one upload:
 *
 *   look up the id -> (small) ask for the server's limits -> one request
 *                  -> (large) multipart -> one request, when the server has no multipart
 *
 * Exactly one of `request` and `multipart` is set while an upload lives.
 */
#include "services/stored/artifact_upload.h"

#include "libcommon/clock.h"
#include "libcommon/memory.h"
#include "libcommon/url.h"
#include "services/stored/domain_answer.h"
#include "services/stored/multipart_upload.h"
#include "services/stored/stored.h"
#include "services/stored/upload_form.h"

#include <stdlib.h>

struct artifact_upload {
    struct session *session;
    const struct artifact_name *name;
    char *id; /* of the data at the server; NULL: none, or not known yet */
    struct artifact_file file;
    char *data_path; /* api/v1/domains/{domain}/data */
    artifact_upload_done *on_done;
    void *context;
    struct domain_request *request; /* whatever is under way, but for multipart */
    struct multipart_upload *multipart;
    bool tried_multipart;
    size_t part_count; /* 0: it went up in one request */
    struct upload_form form;
    bool form_is_create;
    bool looked_up_again;
    int64_t started_ms;
    struct transfer *transfer;
};

static void start_form(struct artifact_upload *upload);
/* An empty artifact is below any minimum (POSEMESH_MULTIPART_MIN_BYTES is above 0): it takes the small form.
 */
static void choose_way(struct artifact_upload *upload);

/* --- the end --- */

void artifact_upload_cancel(struct artifact_upload *upload)
{
    if (!upload)
        return;
    domain_request_cancel(upload->request);
    multipart_upload_cancel(upload->multipart);
    upload_form_clear(&upload->form);
    artifact_file_close(&upload->file);
    transfer_end(upload->transfer, clock_boot_ms());
    free(upload->data_path);
    free(upload->id);
    free(upload);
}

/* The caller may start the next upload of the same output from on_done, so nothing of this one may be left by
 * then. */
static void finish(struct artifact_upload *upload, const struct error *failure)
{
    artifact_upload_done *on_done = upload->on_done;
    void *context = upload->context;
    char *id = failure ? NULL : memory_copy_text(upload->id);
    artifact_upload_cancel(upload);
    on_done(context, id, failure);
    free(id);
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
    if (failure)
        error = *failure;
    else
        error_set(&error, ERROR_NOT_FOUND, "the completed upload is not at the server");
    give_up(upload, &error);
}

/* An update whose completion may have been taken keeps its id; a new artifact is looked for by its name. */
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
        start_form(upload);
    } else if (result->maybe_stored && upload->id) {
        succeed(upload);
    } else if (result->maybe_stored) {
        look_up(upload, on_completion_looked_up);
    } else {
        give_up(upload, &result->error);
    }
}

static void start_multipart(struct artifact_upload *upload)
{
    struct stored *stored = upload->session->stored;
    upload->tried_multipart = true;
    transfer_meter_set(transfer_meter_of(upload->transfer), 0);
    upload->multipart =
        multipart_upload_start(&(struct multipart_upload_spec){.access = &upload->session->access,
                                                               .aborts = stored->aborts,
                                                               .file = &upload->file,
                                                               .data_path = upload->data_path,
                                                               .name = upload->name->name,
                                                               .data_type = upload->name->data_type,
                                                               .existing_id = upload->id,
                                                               .concurrency = stored->upload_concurrency,
                                                               .meter = transfer_meter_of(upload->transfer),
                                                               .on_done = on_multipart_done,
                                                               .context = upload});
}

/* --- small --- */

static ssize_t read_form(void *context, int64_t offset, void *out, size_t capacity)
{
    struct artifact_upload *upload = context;
    ssize_t got = upload_form_read(&upload->form, offset, out, capacity);
    if (got > 0)
        transfer_meter_set(transfer_meter_of(upload->transfer),
                           upload_form_file_bytes(&upload->form, offset + got));
    return got;
}

static bool check_form(void *context, const struct http_response *response, struct error *error)
{
    struct artifact_upload *upload = context;
    char *id = NULL;
    /* An update keeps its id, whatever little the answer says. */
    if (!upload->form_is_create && response->body_bytes == 0)
        return true;
    if (!domain_answer_id(response, &id, error))
        return false;
    if (id) {
        free(upload->id);
        upload->id = id;
    }
    return upload->id || error_set(error, ERROR_INVALID, "the answer to the upload has no id");
}

static void on_form_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct error error;
    (void)response;
    upload->request = NULL;
    if (!failure) {
        succeed(upload);
    } else if (upload->form.collided) {
        start_form(upload);
    } else if (failure->status == 409 && upload->form_is_create && !upload->looked_up_again) {
        /* An answer that got lost, or somebody else created it meanwhile: then it is updated. */
        upload->looked_up_again = true;
        look_up(upload, on_lookup_done);
    } else if (failure->status == 413 && upload->file.bytes > 0 && !upload->tried_multipart) {
        /* The server takes less at once than it said, or said nothing. */
        start_multipart(upload);
    } else {
        error = *failure;
        if (error.code == ERROR_SYSTEM)
            (void)artifact_file_is_unchanged(&upload->file, &error);
        give_up(upload, &error);
    }
}

static void start_form(struct artifact_upload *upload)
{
    struct stored *stored = upload->session->stored;
    upload_form_clear(&upload->form);
    upload_form_init(&upload->form, &upload->file, upload->name->name, upload->name->data_type, upload->id,
                     stored->client.random);
    upload->form_is_create = !upload->id;
    upload->part_count = 0;
    transfer_meter_set(transfer_meter_of(upload->transfer), 0);
    upload->request =
        domain_request_send(&upload->session->access, &(struct domain_request_spec){
                                                          .method = upload->form_is_create ? "POST" : "PUT",
                                                          .path = upload->data_path,
                                                          .accept = "application/json",
                                                          .content_type = upload->form.content_type,
                                                          .source = read_form,
                                                          .source_bytes = upload_form_bytes(&upload->form),
                                                          .transfer = true,
                                                          .check = check_form,
                                                          .on_done = on_form_done,
                                                          .context = upload,
                                                      });
}

/* --- which of the two --- */

/* The framing is well below this. */
enum { FORM_FRAMING_BYTES = 8 * 1024 };

/* A server that takes less at once than our minimum for multipart gets parts earlier. */
static void start_as_server_wants(struct artifact_upload *upload, const struct upload_info *info)
{
    if (upload->file.bytes > 0 &&
        upload_info_demands_multipart(info, upload->file.bytes + FORM_FRAMING_BYTES))
        start_multipart(upload);
    else
        start_form(upload);
}

static bool check_info(void *context, const struct http_response *response, struct error *error)
{
    const struct artifact_upload *upload = context;
    const struct session *session = upload->session;
    struct upload_info info;
    if (!upload_info_parse(response->body, response->body_bytes, &info, error))
        return false;
    upload_info_remember(&session->stored->upload_infos, session->access.server_url, &info, clock_boot_ms());
    return true;
}

static void on_info_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct session *session = upload->session;
    const struct upload_info *info = NULL;
    const struct upload_info unknown = {0};
    (void)response;
    upload->request = NULL;
    /* Without an answer the upload itself tells whether it is too large. */
    if (failure) {
        if (failure->status != 404)
            log_write(LOG_LEVEL_WARN, &session->log, "the domain server's limits are not known: %s",
                      failure->text);
        upload_info_remember(&session->stored->upload_infos, session->access.server_url, &unknown,
                             clock_boot_ms());
    }
    info = upload_info_find(&session->stored->upload_infos, session->access.server_url, clock_boot_ms());
    start_as_server_wants(upload, info ? info : &unknown);
}

static void choose_way(struct artifact_upload *upload)
{
    struct session *session = upload->session;
    if (upload->file.bytes >= session->stored->multipart_min_bytes) {
        start_multipart(upload);
        return;
    }
    const struct upload_info *info =
        upload_info_find(&session->stored->upload_infos, session->access.server_url, clock_boot_ms());
    if (info) {
        start_as_server_wants(upload, info);
        return;
    }
    upload->request = domain_request_send(&session->access, &(struct domain_request_spec){
                                                                .method = "GET",
                                                                .path = "api/v1/info",
                                                                .accept = "application/json",
                                                                .anonymous = true,
                                                                .best_effort = true,
                                                                .check = check_info,
                                                                .on_done = on_info_done,
                                                                .context = upload,
                                                            });
}

struct artifact_upload *artifact_upload_start(struct session *session, const struct artifact_name *name,
                                              const char *existing_id, const struct artifact_file *file,
                                              artifact_upload_done *on_done, void *context)
{
    struct artifact_upload *upload = memory_allocate(sizeof *upload);
    char *domain = url_encode_component(session->domain_id);
    *upload = (struct artifact_upload){.session = session,
                                       .name = name,
                                       .id = memory_copy_text(existing_id),
                                       .file = *file,
                                       .data_path = memory_format("api/v1/domains/%s/data", domain),
                                       .on_done = on_done,
                                       .context = context,
                                       .started_ms = clock_boot_ms()};
    free(domain);
    upload->transfer = transfer_begin(&session->stored->transfers, session->task_id, TRANSFER_OUT,
                                      name->logical_path, file->bytes, upload->started_ms);
    if (upload->id)
        choose_way(upload);
    else
        look_up(upload, on_lookup_done);
    return upload;
}
