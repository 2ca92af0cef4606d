/*
 * A second reader of multipart answers (docs/network.md 4.1), written from the contract and not from the
 * first one: it has the whole answer in memory, goes through it line by line, and is slow and simple. The
 * fuzz targets compare the two.
 */
#ifndef TESTS_FUZZ_MULTIPART_REFERENCE_H
#define TESTS_FUZZ_MULTIPART_REFERENCE_H

#include "libcommon/base/error.h"
#include "services/stored/inputs/multipart_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part with the payload that may be handed out of it: no more than its stated size. */
struct multipart_record {
    struct multipart_disposition disposition;
    char *payload;
    size_t length;
    bool whole; /* its end was seen, and its size is right */
};

struct multipart_outcome {
    struct multipart_record *records;
    size_t count;
    enum error_code code; /* ERROR_NONE for a whole answer */
};

void multipart_reference_read(const char *boundary, const char *body, size_t length,
                              struct multipart_outcome *outcome);
void multipart_outcome_clear(struct multipart_outcome *outcome);

/* As multipart_read_disposition. */
bool multipart_reference_disposition(const char *value, size_t length,
                                     struct multipart_disposition *disposition);

/* As multipart_read_boundary. */
bool multipart_reference_boundary(const char *content_type, char boundary[MULTIPART_BOUNDARY_BYTES]);

#endif
