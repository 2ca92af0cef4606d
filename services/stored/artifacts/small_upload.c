#include "services/stored/artifacts/small_upload.h"

#include "libcommon/base/memory.h"
#include "services/stored/artifacts/upload_form.h"
#include "services/stored/domain/domain_answer.h"

#include <stdlib.h>

struct small_upload {
    struct small_upload_spec spec;
    struct upload_form form;
    struct domain_request *request;
    char *answered_id; /* NULL: the answer had none */
};

static void send_form(struct small_upload *upload);

static void init_form(struct upload_form *form, const struct small_upload_spec *spec)
{
    upload_form_init(form, spec->file, spec->name, spec->data_type, spec->id, spec->access->client->random);
}

void small_upload_cancel(struct small_upload *upload)
{
    if (!upload)
        return;
    domain_request_cancel(upload->request);
    upload_form_clear(&upload->form);
    free(upload->answered_id);
    free(upload);
}

static ssize_t read_form(void *context, int64_t offset, void *out, size_t capacity)
{
    struct small_upload *upload = context;
    ssize_t got = upload_form_read(&upload->form, offset, out, capacity);
    if (got > 0)
        transfer_meter_set(upload->spec.meter, upload_form_file_bytes(&upload->form, offset + got));
    return got;
}

/* An update keeps its id, whatever little the answer says. */
static bool check_form(void *context, const struct http_response *response, struct error *error)
{
    struct small_upload *upload = context;
    if (upload->spec.id && response->body_bytes == 0)
        return true;
    free(upload->answered_id);
    upload->answered_id = NULL;
    return domain_answer_id(response, &upload->answered_id, error) &&
           (upload->answered_id || upload->spec.id ||
            error_set(error, ERROR_INVALID, "the answer to the upload has no id"));
}

static void on_form_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct small_upload *upload = context;
    struct error error = failure ? *failure : (struct error){0};
    (void)response;
    upload->request = NULL;
    if (failure && upload->form.collided) {
        send_form(upload);
        return;
    }
    /* A source that ended early says "system": the reason is better. */
    if (error.code == ERROR_SYSTEM)
        (void)artifact_file_is_unchanged(upload->spec.file, &error);
    small_upload_done *on_done = upload->spec.on_done;
    void *on_done_context = upload->spec.context;
    char *id = memory_copy_text(upload->answered_id ? upload->answered_id : upload->spec.id);
    small_upload_cancel(upload);
    on_done(on_done_context, failure ? NULL : id, failure ? &error : NULL);
    free(id);
}

static void send_form(struct small_upload *upload)
{
    upload_form_clear(&upload->form);
    init_form(&upload->form, &upload->spec);
    transfer_meter_set(upload->spec.meter, 0);
    upload->request =
        domain_request_send(upload->spec.access, &(struct domain_request_spec){
                                                     .method = upload->spec.id ? "PUT" : "POST",
                                                     .path = upload->spec.data_path,
                                                     .accept = "application/json",
                                                     .content_type = upload->form.content_type,
                                                     .source = read_form,
                                                     .source_bytes = upload_form_bytes(&upload->form),
                                                     .transfer = true,
                                                     .share = upload->spec.share,
                                                     .check = check_form,
                                                     .on_done = on_form_done,
                                                     .context = upload,
                                                 });
}

int64_t small_upload_request_bytes(const struct small_upload_spec *spec)
{
    struct upload_form form = {0};
    init_form(&form, spec);
    int64_t bytes = upload_form_bytes(&form);
    upload_form_clear(&form);
    return bytes;
}

struct small_upload *small_upload_start(const struct small_upload_spec *spec)
{
    struct small_upload *upload = memory_allocate(sizeof *upload);
    upload->spec = *spec;
    send_form(upload);
    return upload;
}
