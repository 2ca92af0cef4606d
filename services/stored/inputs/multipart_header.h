/* The two header values that a multipart answer is read by (RFC 2045 5.1, RFC 6266; docs/network.md 4.1). */
#ifndef STORED_INPUTS_MULTIPART_HEADER_H
#define STORED_INPUTS_MULTIPART_HEADER_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_BOUNDARY_BYTES = 71 }; /* 70 characters (RFC 2046 5.1.1) and the NUL */

struct multipart_disposition {
    char *name;
    char *data_type;
    char *id;
    char *domain_id;
    int64_t size; /* -1 when not given; INT64_MAX for what does not fit */
};

/* The boundary of a Content-Type value that is multipart/form-data. */
bool multipart_read_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_BYTES],
                             struct error *error);

/*
 * Reads a Content-Disposition value into an empty `disposition`. Unknown parameters are ignored. On failure
 * the caller still clears it.
 */
bool multipart_read_disposition(const char *value, size_t length, struct multipart_disposition *disposition,
                                struct error *error);
void multipart_disposition_clear(struct multipart_disposition *disposition);

#endif
