/* DDS's registration callback (docs/network.md 1.1): the body's meaning and the answer to it. */
#ifndef AUTHD_REGISTRATION_CALLBACK_H
#define AUTHD_REGISTRATION_CALLBACK_H

#include "libcommon/base/secret.h"

#include <stddef.h>

enum { CALLBACK_ID_LOGGED_BYTES = 128 };

struct callback {
    int status;         /* HTTP status to answer; 200: `secret` is to be stored */
    const char *answer; /* body to answer; static */
    struct secret secret;
    char id[CALLBACK_ID_LOGGED_BYTES + 1]; /* for a log line: one line, cut */
};

/* Reads a body; `content_type` may be NULL. Answers never show what came in. End with callback_clear(). */
void callback_parse(struct callback *callback, const char *content_type, const char *body, size_t length);
void callback_clear(struct callback *callback);

#endif
