/*
 * Where settings come from: the environment, with the secrets beside it in a sealed memfd.
 *
 * posemesh-node starts with secrets in its environment, where /proc shows them. environment_seal() moves them
 * into a memfd that only authd inherits; its number travels in POSEMESH_SECRETS_FD.
 */
#ifndef LIBCOMMON_CONFINE_ENVIRONMENT_H
#define LIBCOMMON_CONFINE_ENVIRONMENT_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"

#include <stdbool.h>

#define ENVIRONMENT_SECRETS_FD "POSEMESH_SECRETS_FD"

struct environment {
    char **variables;     /* "NAME=value", NULL-terminated; borrowed, usually `environ` */
    struct secret sealed; /* "NAME=value\0" of each sealed variable */
    int sealed_fd; /* where they came from, now close-on-exec; -1: there are none. The caller's to close:
                      environment_close() leaves it open */
};

/*
 * Takes `variables` as they are, and reads the sealed ones when POSEMESH_SECRETS_FD names a descriptor; one
 * that is no sealed memory file is refused (ERROR_INVALID) and left as it was. End with environment_close(),
 * after a failure too.
 */
bool environment_open(struct environment *environment, char **variables, struct error *error);
void environment_close(struct environment *environment);

/* The value, untrimmed, or NULL. Borrowed until environment_close(). */
const char *environment_get(const struct environment *environment, const char *name);

/*
 * Overwrites the value of each named variable in place, so that /proc/PID/environ no longer shows it, and
 * removes it from `variables`. What environment_get() returned for it is gone too.
 */
void environment_wipe(char **variables, const char *const *names, size_t count);

/*
 * Writes those of the named variables that are set into a sealed memfd (no more writes, growth or shrinking)
 * and returns it, or -1. The caller owns the descriptor; it is inherited across exec. ERROR_TOO_LARGE above
 * LIMIT_SECRET_FILE_BYTES: environment_open() would not read it.
 */
int environment_seal(const struct environment *environment, const char *const *names, size_t count,
                     struct error *error);

#endif
