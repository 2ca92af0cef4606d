/*
 * The one error type: a code for programs and a sentence for people.
 *
 * A function that can fail returns bool (or a pointer) and takes `struct error *error` last; it fills the
 * error exactly when it returns false (or NULL). The caller owns the struct, it is never NULL, and nothing in
 * it needs freeing. An error is logged once, by whoever handles it; those between add context with
 * error_prefix().
 */
#ifndef LIBCOMMON_BASE_ERROR_H
#define LIBCOMMON_BASE_ERROR_H

#include <stdbool.h>

enum error_code {
    ERROR_NONE = 0,
    ERROR_INVALID,      /* input that breaks a rule: malformed, wrong type, out of range */
    ERROR_TOO_LARGE,    /* input above a limit of libcommon/base/limits.h */
    ERROR_NOT_FOUND,    /* 404, or nothing there */
    ERROR_UNAUTHORIZED, /* 401 */
    ERROR_FORBIDDEN,    /* 403, or a caller that may not do this */
    ERROR_CONFLICT,     /* 409, or a state that excludes the request */
    ERROR_BAD_REQUEST,  /* 400 */
    ERROR_HTTP,         /* another final HTTP status; `status` has it */
    ERROR_SERVER,       /* 5xx; `status` has it */
    ERROR_NETWORK,      /* transport: connect, TLS, a body cut short */
    ERROR_TIMEOUT,
    ERROR_CANCELLED,
    ERROR_UNAVAILABLE, /* not ready, or a peer that does not answer; trying again may help */
    ERROR_DISK_FULL,
    ERROR_SYSTEM, /* a system or library call failed */
    ERROR_CODE_COUNT
};

enum { ERROR_TEXT_BYTES = 384 };

struct error {
    enum error_code code;
    int status; /* HTTP status behind the error, 0 if none */
    char text[ERROR_TEXT_BYTES];
};

/* Fills `error` and returns false, so that a failing function can `return error_set(...)`. A text that is too
 * long is cut. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": <text of errno_value>" behind it; ENOSPC and EDQUOT become ERROR_DISK_FULL,
 * EFBIG ERROR_TOO_LARGE. */
bool error_set_errno(struct error *error, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<context>: " before the sentence of an error that is set. Returns false. */
bool error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fills `error` from a final HTTP status as the contract maps them (docs/network.md 4.2). Returns false. */
bool error_set_http_status(struct error *error, int status, const char *what);

/* The code's name in lower case with underscores ("not_found"): what messages between services and DMS
 * reasons carry. */
const char *error_code_name(enum error_code code);

/* The code of that name; ERROR_SYSTEM for a name that is not known. `name` may be NULL. */
enum error_code error_code_from_name(const char *name);

#endif
