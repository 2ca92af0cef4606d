/* An answer as it comes in: its headers line by line, its body within a limit. Without I/O. */
#ifndef LIBCOMMON_HTTP_HTTP_RESPONSE_H
#define LIBCOMMON_HTTP_HTTP_RESPONSE_H

#include "libcommon/http/http.h"

enum {
    HTTP_HEADER_LINES = 256, /* of one answer, interim answers and trailers included */
    HTTP_HEADERS_BYTES = 128 * 1024
};

/* One answer while it comes in; all zero is an empty one. */
struct http_answer {
    int status;         /* set once the headers are complete; 0 before */
    char *content_type; /* NULL when missing */
    char *content_encoding;
    char *location;
    char *retry_after;
    char *date;
    size_t header_lines;
    size_t header_bytes;
    char *body; /* NULL when empty */
    size_t body_bytes;
    size_t body_capacity;
    bool body_cut;
};

void http_answer_clear(struct http_answer *answer);

/*
 * Takes one line of a header block as it came, its line end included. The empty line sets `status`. False for
 * headers above the limits, and for a 2xx answer in a coding, as none but identity is asked for.
 */
bool http_answer_take_line(struct http_answer *answer, const char *line, size_t length, int status,
                           struct error *error);

/*
 * Adds to the body in memory. Above `limit_bytes` it returns false: with an error for a 2xx answer, with
 * body_cut for others, whose status matters more than their text.
 */
bool http_answer_add_body(struct http_answer *answer, const void *bytes, size_t length, size_t limit_bytes,
                          struct error *error);

bool http_answer_is_success(const struct http_answer *answer);

/* 301, 302, 303, 307 or 308 with a Location. */
bool http_answer_is_redirect(const struct http_answer *answer);

/* The answer as callers see it; points into `answer`. */
void http_answer_view(const struct http_answer *answer, int64_t now_unix_ms, struct http_response *response);

#endif
