/* One part of a multipart upload on its way, from its own range of the file (docs/network.md 4.2). */
#ifndef STORED_ARTIFACTS_MULTIPART_PART_H
#define STORED_ARTIFACTS_MULTIPART_PART_H

#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/artifacts/multipart_plan.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/transfers/transfer_meter.h"

#include <stdint.h>

struct multipart_part;

/* The part is free again by then. `etag` is the server's (free() it); NULL: `failure` tells why not. */
typedef void multipart_part_done(void *context, const struct multipart_part *part, char *etag,
                                 const struct error *failure);

/* Part of the upload, which uses it for one range after the other. */
struct multipart_part {
    const struct artifact_file *file;
    struct transfer_meter *meter; /* may be NULL */
    multipart_part_done *on_done;
    void *context;
    struct domain_request *request; /* NULL: the part is free */
    struct multipart_range range;
    int64_t moved_bytes; /* of the range, and counted by the meter */
    char *etag;
};

/* Sends a range of the file to `path`. The part must be free. */
void multipart_part_send(struct multipart_part *part, struct domain_access *access, const char *path,
                         const struct multipart_range *range);

/* Without on_done; harmless when it is free. */
void multipart_part_cancel(struct multipart_part *part);

#endif
