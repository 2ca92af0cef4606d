/*
 * What a request's head says before anything of it is believed: whether two readers of it could differ about
 * where the request ends (RFC 9112 6.3; a proxy in front of us is the other), and where it is meant to go.
 * Pure.
 */
#ifndef HTTPD_REQUEST_HEAD_H
#define HTTPD_REQUEST_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* Begins as zeros. */
struct request_head {
    size_t lengths;   /* Content-Length */
    size_t encodings; /* Transfer-Encoding */
    bool is_odd;
};

/* One header, as libmicrohttpd gives it. */
void request_head_add(struct request_head *head, const char *name, size_t name_length, const char *value,
                      size_t value_length);

/* After all of them. False for Content-Length together with Transfer-Encoding, two of either, another
 * encoding than chunked or one in HTTP/1.0, a length that is no number, a name with a blank or another byte
 * that no name has. */
bool request_head_is_sound(const struct request_head *head, const char *version);

enum request_target { REQUEST_TARGET_NONE, REQUEST_TARGET_CALLBACK, REQUEST_TARGET_HEALTH };

/*
 * `path` is the request's, `base` what has to stand before what we serve (settings_path_of_url()), compared
 * in a time that does not depend on how much of it is right; NULL: anything may.
 */
enum request_target request_target_of(const char *path, const char *base);

#endif
