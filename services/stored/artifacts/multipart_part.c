#include "services/stored/artifacts/multipart_part.h"

#include "services/stored/domain/domain_answer.h"

#include <stdlib.h>

/* Straight from the file: a part is never held in memory, whatever its size. */
static ssize_t read_range(void *context, int64_t offset, void *out, size_t capacity)
{
    struct multipart_part *part = context;
    int64_t left = part->range.bytes - offset;
    if (left < (int64_t)capacity)
        capacity = left > 0 ? (size_t)left : 0;
    ssize_t got = artifact_file_read(part->file, part->range.offset + offset, out, capacity);
    if (got > 0) {
        transfer_meter_add(part->meter, offset + got - part->moved_bytes);
        part->moved_bytes = offset + got;
    }
    return got;
}

static bool check_etag(void *context, const struct http_response *response, struct error *error)
{
    struct multipart_part *part = context;
    return domain_answer_etag(response, &part->etag, error);
}

static void on_answered(void *context, const struct http_response *response, const struct error *failure)
{
    struct multipart_part *part = context;
    char *etag = part->etag;
    (void)response;
    part->request = NULL;
    part->etag = NULL;
    part->on_done(part->context, part, etag, failure);
}

void multipart_part_send(struct multipart_part *part, struct domain_access *access, const char *path,
                         const struct multipart_range *range)
{
    part->range = *range;
    part->moved_bytes = 0;
    part->request =
        domain_request_send(access, &(struct domain_request_spec){.method = "PUT",
                                                                  .path = path,
                                                                  .accept = "application/json",
                                                                  .content_type = "application/octet-stream",
                                                                  .source = read_range,
                                                                  .source_bytes = range->bytes,
                                                                  .transfer = true,
                                                                  .check = check_etag,
                                                                  .on_done = on_answered,
                                                                  .context = part});
}

void multipart_part_cancel(struct multipart_part *part)
{
    domain_request_cancel(part->request);
    part->request = NULL;
    free(part->etag);
    part->etag = NULL;
}
