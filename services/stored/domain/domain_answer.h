/*
 * What a domain server answers in JSON (docs/network.md 4.2). Texts are free()d by the caller. ERROR_NETWORK:
 * the answer was cut short.
 */
#ifndef STORED_DOMAIN_DOMAIN_ANSWER_H
#define STORED_DOMAIN_DOMAIN_ANSWER_H

#include "libcommon/base/error.h"
#include "libcommon/http/http.h"

#include <stdbool.h>
#include <stdint.h>

enum { DOMAIN_ANSWER_ID_BYTES = 256 }; /* a UUID, as a rule; ids end up in URLs and messages */

/* *id is that of the entry with exactly this name and type in {"data":[...]}; NULL when there is none. */
bool domain_answer_find(const struct http_response *response, const char *name, const char *data_type,
                        char **id, struct error *error);

/* The id of {"data":[{"id"}]} or {"id"}; NULL when the answer has none. */
bool domain_answer_id(const struct http_response *response, char **id, struct error *error);

/* {upload_id, part_size} */
bool domain_answer_upload(const struct http_response *response, char **upload_id, int64_t *part_size,
                          struct error *error);

/* {etag} */
bool domain_answer_etag(const struct http_response *response, char **etag, struct error *error);

#endif
