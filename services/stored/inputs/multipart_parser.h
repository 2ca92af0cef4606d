/*
 * Reads the multipart/form-data answer of a domain server as it arrives (docs/network.md 4.1, RFC 2046, RFC
 * 7578). Bytes come in any pieces; parts go out through callbacks in constant memory and linear time.
 */
#ifndef STORED_INPUTS_MULTIPART_PARSER_H
#define STORED_INPUTS_MULTIPART_PARSER_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MULTIPART_HEADER_BLOCK_BYTES = 16 * 1024, /* a part's headers: names and ids are short */
    MULTIPART_MAX_PARTS = 10000,              /* files that one CID may bring into a workspace */
};

/* What a part's Content-Disposition says. Texts are NULL when it does not, and valid during the callback
 * only. */
struct multipart_part {
    const char *name;
    const char *data_type;
    const char *id;
    const char *domain_id;
    int64_t size; /* -1 when not given */
};

/*
 * Called in order: begin, data (any number of times, never with 0 bytes nor beyond the stated size), end, for
 * each part. A callback that returns false has set the error, and the parser fails with it. A part is whole
 * only when `end` was called for it, and an answer only when multipart_parser_finish() succeeded.
 */
struct multipart_handler {
    bool (*begin)(void *context, const struct multipart_part *part, struct error *error);
    bool (*data)(void *context, const void *bytes, size_t length, struct error *error);
    bool (*end)(void *context, struct error *error);
    void *context;
};

struct multipart_parser;

/* NULL when the value of Content-Type is not multipart/form-data with a boundary of 1 to 70 characters. */
struct multipart_parser *multipart_parser_create(const char *content_type,
                                                 const struct multipart_handler *handler,
                                                 struct error *error);
void multipart_parser_free(struct multipart_parser *parser);

/*
 * False for a malformed answer or a part that is not as long as its size says (ERROR_INVALID), for limits
 * (ERROR_TOO_LARGE) and for a callback's error; every later call then fails alike.
 */
bool multipart_parser_feed(struct multipart_parser *parser, const void *bytes, size_t length,
                           struct error *error);

/* After the last byte: ERROR_NETWORK when the answer is truncated (worth a retry), ERROR_NOT_FOUND when it
 * has no part. */
bool multipart_parser_finish(struct multipart_parser *parser, struct error *error);

#endif
