/* The answer that brings an access token: to SIWE verify (docs/network.md 2.4), or to a robot (1.4). */
#ifndef AUTHD_DDS_TOKEN_ANSWER_H
#define AUTHD_DDS_TOKEN_ANSWER_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token_answer {
    struct secret token;
    int64_t life_ms;      /* from `server_unix_ms` to the expiry; above 0 */
    int64_t date_unix_ms; /* of the answer, for whoever tells people; -1: it had none */
};

/*
 * Reads the answer. `server_unix_ms` is the moment by DDS's clock. A token that is missing, blank, too long
 * or not fit for a header, and an expiry that is missing, unparsable or not in the future are errors that
 * name the field and show nothing of it. A life above ten years counts as ten years. On failure `answer` is
 * empty.
 */
bool token_answer_parse(const char *json, size_t length, int64_t server_unix_ms, struct token_answer *answer,
                        struct error *error);
void token_answer_clear(struct token_answer *answer);

#endif
