/*
 * The body of a small upload (docs/network.md 4.2): multipart/form-data with one part, streamed from the
 * file. The boundary is random, and the data is looked through for it on its way out.
 */
#ifndef STORED_ARTIFACTS_UPLOAD_FORM_H
#define STORED_ARTIFACTS_UPLOAD_FORM_H

#include "libcommon/base/random.h"
#include "services/stored/artifacts/artifact_file.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { UPLOAD_FORM_BOUNDARY_BYTES = 48 };

struct upload_form {
    const struct artifact_file *file;
    char boundary[UPLOAD_FORM_BOUNDARY_BYTES];
    char *content_type; /* of the request */
    char *head;
    char *tail;
    bool collided; /* the data has the boundary in it: make another form */
};

/* `id` names the data to replace; NULL creates data with `name` and `data_type`. `file` is borrowed. */
void upload_form_init(struct upload_form *form, const struct artifact_file *file, const char *name,
                      const char *data_type, const char *id, struct random *random);
void upload_form_clear(struct upload_form *form);

int64_t upload_form_bytes(const struct upload_form *form);

/* How many bytes of the file are among the first `form_bytes` of the form. */
int64_t upload_form_file_bytes(const struct upload_form *form, int64_t form_bytes);

/* As http_source_function. -1 when the file cannot be read, or `collided`. */
ssize_t upload_form_read(struct upload_form *form, int64_t offset, void *out, size_t capacity);

#endif
