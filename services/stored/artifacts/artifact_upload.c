/*
 * What is next is upload_way.h's; this file does it. One of `request`, `small` and `multipart` is at
 * work while something is under way. A stream that has not grown yet has none: it waits to be told more. Each
 * step that a caller brings about begins in a turn of the loop of its own (`step_timer`), so that no caller
 * of this file is called back before it has its answer.
 */
#include "services/stored/artifacts/artifact_upload.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/artifacts/data_path.h"
#include "services/stored/artifacts/multipart_upload.h"
#include "services/stored/artifacts/resumable_upload.h"
#include "services/stored/artifacts/small_upload.h"
#include "services/stored/artifacts/upload_way.h"
#include "services/stored/domain/domain_answer.h"

#include <assert.h>
#include <stdlib.h>

struct artifact_upload {
    const struct upload_setup *setup;
    const struct artifact_name *name;
    char *id; /* of the data at the server; NULL: none, or not known yet */
    struct artifact_file file;
    artifact_upload_done *on_done;
    void *context;
    struct upload_way way;          /* its bytes and has_id are as of the last way_now() */
    struct journal_upload earlier;  /* from before a restart; empty: none */
    struct domain_request *request; /* ends the earlier one, looks up, or asks for limits */
    struct upload_info info;        /* that the server answers */
    struct small_upload *small;
    struct multipart_upload *multipart;
    struct loop_timer step_timer;
    size_t part_count; /* 0: it went up in one request */
    int64_t started_ms;
    struct transfer *transfer;
};

static void take(struct artifact_upload *upload, enum upload_step step, const struct error *reason);

static const struct log_task *log_of(const struct artifact_upload *upload)
{
    return &upload->setup->access->log;
}

static struct journal_upload_key journal_key(const struct artifact_upload *upload)
{
    return (struct journal_upload_key){upload->setup->journal, upload->setup->task_id,
                                       upload->name->logical_path};
}

static struct upload_way *way_now(struct artifact_upload *upload)
{
    upload->way.bytes = upload->file.bytes;
    upload->way.has_id = upload->id;
    return &upload->way;
}

/* --- the end --- */

void artifact_upload_drop(struct artifact_upload *upload)
{
    if (!upload)
        return;
    loop_timer_stop(&upload->step_timer);
    domain_request_cancel(upload->request);
    multipart_upload_drop(upload->multipart);
    small_upload_cancel(upload->small);
    journal_upload_clear(&upload->earlier);
    artifact_file_close(&upload->file);
    transfer_end(upload->transfer, clock_boot_ms());
    free(upload->id);
    free(upload);
}

void artifact_upload_cancel(struct artifact_upload *upload)
{
    if (!upload)
        return;
    multipart_upload_cancel(upload->multipart);
    upload->multipart = NULL;
    if (upload->earlier.upload_id)
        multipart_aborts_add(upload->setup->policy->aborts, upload->setup->access, upload->setup->data_path,
                             upload->earlier.upload_id);
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
    log_write(LOG_LEVEL_WARN, log_of(upload), "cannot store artifact %.*s: %s",
              TEXT_CUT(upload->name->logical_path, 200), reason.text);
    finish(upload, &reason);
}

static void succeed(struct artifact_upload *upload)
{
    struct error error;
    double seconds = (double)(clock_boot_ms() - upload->started_ms) / 1000;
    long long bytes = (long long)upload->file.bytes;
    const char *unit = text_plural((size_t)bytes, "byte", "bytes");
    /* Multipart looked before it completed the upload. */
    if (upload->part_count == 0 && !artifact_file_is_unchanged(&upload->file, &error)) {
        give_up(upload, &error);
        return;
    }
    if (upload->part_count > 0)
        log_write(LOG_LEVEL_INFO, log_of(upload), "stored artifact %.*s (%lld %s, multipart %zu %s, %.1f s)",
                  TEXT_CUT(upload->name->logical_path, 200), bytes, unit, upload->part_count,
                  text_plural(upload->part_count, "part", "parts"), seconds);
    else
        log_write(LOG_LEVEL_INFO, log_of(upload), "stored artifact %.*s (%lld %s, %.1f s)",
                  TEXT_CUT(upload->name->logical_path, 200), bytes, unit, seconds);
    finish(upload, NULL);
}

static void send_request(struct artifact_upload *upload, struct domain_request_spec *spec)
{
    spec->context = upload;
    upload->request = domain_request_send(upload->setup->access, spec);
}

/* --- what an earlier run of stored left --- */

static void on_earlier_ended(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct error changed;
    (void)response;
    upload->request = NULL;
    if (failure)
        log_write(LOG_LEVEL_WARN, log_of(upload), "an upload that was given up stays at the server: %s",
                  failure->text);
    journal_upload_clear(&upload->earlier);
    error_set(&changed, ERROR_CONFLICT, "the file changed since its upload began");
    take(upload, upload_way_after_ending(way_now(upload)), &changed);
}

/* It is ended at the server before anything else is told or done, so that it does not stay behind. */
static void end_earlier(struct artifact_upload *upload)
{
    char *path = data_path_of_upload(upload->setup->data_path, upload->earlier.upload_id);
    send_request(upload,
                 &(struct domain_request_spec){
                     .method = "DELETE", .path = path, .best_effort = true, .on_done = on_earlier_ended});
    free(path);
}

static void find_earlier(struct artifact_upload *upload)
{
    const struct journal_upload_key key = journal_key(upload);
    struct upload_way *way = &upload->way;
    way->earlier = resumable_upload_find(&key, upload->name, &upload->file, way->streamed, &upload->earlier);
    bool resumes = way->earlier == RESUMABLE_UPLOAD_RESUME;
    if (resumes)
        memory_replace_text(&upload->id, upload->earlier.existing_id);
    if (way->streamed)
        upload->file.bytes = resumes ? resumable_upload_announced_bytes(&upload->earlier, &upload->file) : 0;
}

/* --- what is there --- */

/* Runs for each try: the id of an earlier one counts no more. */
static bool check_found(void *context, const struct http_response *response, struct error *error)
{
    struct artifact_upload *upload = context;
    free(upload->id);
    return domain_answer_find(response, upload->name->name, upload->name->data_type, &upload->id, error);
}

static void on_looked_up(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    (void)response;
    upload->request = NULL;
    take(upload, upload_way_after_lookup(way_now(upload), failure), failure);
}

static void on_completed_looked_up(void *context, const struct http_response *response,
                                   const struct error *failure)
{
    struct artifact_upload *upload = context;
    struct error missing;
    (void)response;
    upload->request = NULL;
    error_set(&missing, ERROR_NOT_FOUND, "the completed upload is not at the server");
    take(upload, upload_way_after_completed_lookup(way_now(upload), failure), failure ? failure : &missing);
}

/* Only while there is no id: what fails leaves none. */
static void look_up(struct artifact_upload *upload, http_done_function *on_done)
{
    char *path = data_path_of_name(upload->setup->data_path, upload->name->name, upload->name->data_type);
    send_request(upload, &(struct domain_request_spec){.method = "GET",
                                                       .path = path,
                                                       .accept = "application/json",
                                                       .check = check_found,
                                                       .on_done = on_done});
    free(path);
}

/* --- large --- */

static void on_parts_done(void *context, const struct multipart_upload_result *result)
{
    struct artifact_upload *upload = context;
    upload->multipart = NULL;
    upload->part_count = result->part_count;
    enum upload_step step = upload_way_after_parts(way_now(upload), result);
    if (result->id)
        memory_replace_text(&upload->id, result->id);
    if (result->unsupported)
        log_write(LOG_LEVEL_INFO, log_of(upload), "the domain server has no multipart; using one request");
    take(upload, step, &result->error);
}

static void send_parts(struct artifact_upload *upload)
{
    const struct upload_setup *setup = upload->setup;
    struct transfer_meter *meter = transfer_meter_of(upload->transfer);
    const struct multipart_upload_spec spec = {.access = setup->access,
                                               .aborts = setup->policy->aborts,
                                               .file = &upload->file,
                                               .whole = upload->way.whole,
                                               .journal = journal_key(upload),
                                               .data_path = setup->data_path,
                                               .name = upload->name->name,
                                               .data_type = upload->name->data_type,
                                               .existing_id = upload->id,
                                               .concurrency = setup->policy->concurrency,
                                               .meter = meter,
                                               .share = transfer_share_of(upload->transfer),
                                               .on_done = on_parts_done,
                                               .context = upload};
    transfer_meter_set(meter, 0);
    upload->multipart = upload->earlier.upload_id ? multipart_upload_resume(&spec, &upload->earlier)
                                                  : multipart_upload_start(&spec);
    journal_upload_clear(&upload->earlier);
}

/* --- small --- */

static void on_whole_done(void *context, const char *id, const struct error *failure)
{
    struct artifact_upload *upload = context;
    upload->small = NULL;
    enum upload_step step = upload_way_after_whole(way_now(upload), failure);
    if (!failure)
        memory_replace_text(&upload->id, id);
    take(upload, step, failure);
}

static struct small_upload_spec small_spec(struct artifact_upload *upload)
{
    return (struct small_upload_spec){.access = upload->setup->access,
                                      .file = &upload->file,
                                      .data_path = upload->setup->data_path,
                                      .name = upload->name->name,
                                      .data_type = upload->name->data_type,
                                      .id = upload->id,
                                      .meter = transfer_meter_of(upload->transfer),
                                      .share = transfer_share_of(upload->transfer),
                                      .on_done = on_whole_done,
                                      .context = upload};
}

static void send_whole(struct artifact_upload *upload)
{
    const struct small_upload_spec spec = small_spec(upload);
    upload->part_count = 0;
    upload->small = small_upload_start(&spec);
}

/* A server that takes less at once than our minimum for multipart gets parts earlier. */
static void take_limits(struct artifact_upload *upload, const struct upload_info *info)
{
    const struct small_upload_spec spec = small_spec(upload);
    bool demands = upload_info_demands_multipart(info, small_upload_request_bytes(&spec));
    take(upload, upload_way_after_limits(way_now(upload), demands), NULL);
}

static bool check_info(void *context, const struct http_response *response, struct error *error)
{
    struct artifact_upload *upload = context;
    return upload_info_parse(response->body, response->body_bytes, &upload->info, error);
}

/* A server that does not say has no limits: the upload itself will tell. */
static void on_info_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_upload *upload = context;
    const struct upload_setup *setup = upload->setup;
    (void)response;
    upload->request = NULL;
    if (failure)
        upload->info = (struct upload_info){0};
    if (failure && failure->status != 404)
        log_write(LOG_LEVEL_WARN, log_of(upload), "the domain server's limits are not known: %s",
                  failure->text);
    upload_info_remember(setup->policy->infos, setup->access->server_url, &upload->info, clock_boot_ms());
    take_limits(upload, &upload->info);
}

static void ask_limits(struct artifact_upload *upload)
{
    const struct upload_setup *setup = upload->setup;
    const struct upload_info *known =
        upload_info_find(setup->policy->infos, setup->access->server_url, clock_boot_ms());
    if (known)
        take_limits(upload, known);
    else
        send_request(upload, &(struct domain_request_spec){.method = "GET",
                                                           .path = "api/v1/info",
                                                           .accept = "application/json",
                                                           .anonymous = true,
                                                           .best_effort = true,
                                                           .check = check_info,
                                                           .on_done = on_info_done});
}

/* --- step by step --- */

/* `reason`: how the step before failed; NULL: it did not, so that nothing is given up or begun anew. */
static void take(struct artifact_upload *upload, enum upload_step step, const struct error *reason)
{
    assert(reason || (step != UPLOAD_STEP_GIVE_UP && step != UPLOAD_STEP_SEND_PARTS_ANEW));
    switch (step) {
    case UPLOAD_STEP_WAIT:
        return;
    case UPLOAD_STEP_END_EARLIER:
        end_earlier(upload);
        return;
    case UPLOAD_STEP_LOOK_UP:
        look_up(upload, on_looked_up);
        return;
    case UPLOAD_STEP_ASK_LIMITS:
        ask_limits(upload);
        return;
    case UPLOAD_STEP_SEND_WHOLE:
        send_whole(upload);
        return;
    case UPLOAD_STEP_SEND_PARTS_ANEW:
        log_write(LOG_LEVEL_WARN, log_of(upload), "%s: the upload of %.*s begins anew", reason->text,
                  TEXT_CUT(upload->name->logical_path, 200));
        send_parts(upload);
        return;
    case UPLOAD_STEP_SEND_PARTS:
        send_parts(upload);
        return;
    case UPLOAD_STEP_LOOK_UP_COMPLETED:
        look_up(upload, on_completed_looked_up);
        return;
    case UPLOAD_STEP_SUCCEED:
        succeed(upload);
        return;
    case UPLOAD_STEP_GIVE_UP:
        give_up(upload, reason);
        return;
    }
}

static void on_step_due(void *context)
{
    struct artifact_upload *upload = context;
    if (upload->multipart)
        multipart_upload_extend(upload->multipart, upload->way.whole);
    else if (!upload->request && !upload->small)
        take(upload, upload_way_next(way_now(upload)), NULL);
}

const struct artifact_file *artifact_upload_file(const struct artifact_upload *upload)
{
    return &upload->file;
}

bool artifact_upload_is_streamed(const struct artifact_upload *upload)
{
    return upload->way.streamed;
}

bool artifact_upload_announce(struct artifact_upload *upload, int64_t length_bytes, bool whole,
                              struct error *error)
{
    if (upload->way.whole && length_bytes != ARTIFACT_FILE_ALL && length_bytes != upload->file.bytes)
        return error_set(error, ERROR_CONFLICT, "the artifact was finished with %lld bytes",
                         (long long)upload->file.bytes);
    if (upload->way.whole)
        return true;
    if (whole ? !artifact_file_finish(&upload->file, length_bytes, error)
              : !artifact_file_grow(&upload->file, length_bytes, error))
        return false;
    upload->way.whole = whole;
    if (whole)
        transfer_meter_of(upload->transfer)->total_bytes = upload->file.bytes;
    loop_timer_start(&upload->step_timer, 0);
    return true;
}

struct artifact_upload *artifact_upload_start(const struct artifact_upload_spec *spec,
                                              const struct artifact_file *file)
{
    const struct upload_setup *setup = spec->setup;
    struct artifact_upload *upload = memory_allocate(sizeof *upload);
    *upload = (struct artifact_upload){.setup = setup,
                                       .name = spec->name,
                                       .id = memory_copy_text(spec->existing_id),
                                       .file = *file,
                                       .on_done = spec->on_done,
                                       .context = spec->context,
                                       .way = {.streamed = spec->streamed,
                                               .transient = spec->transient,
                                               .whole = !spec->streamed,
                                               .multipart_min_bytes = setup->policy->multipart_min_bytes},
                                       .started_ms = clock_boot_ms()};
    find_earlier(upload);
    upload->transfer =
        transfer_begin(setup->transfers, setup->task_id, TRANSFER_OUT, spec->name->logical_path,
                       upload->way.whole ? file->bytes : -1, upload->started_ms);
    loop_timer_init(&upload->step_timer, setup->access->client->loop, on_step_due, upload);
    loop_timer_start(&upload->step_timer, 0);
    return upload;
}
