/*
 * A secret: bytes that are wiped when freed and never logged. What is held for long and is worth stealing
 * (keys, credentials, tokens) is assigned with secret_assign_locked(), which keeps it out of swap and core
 * files; what passes by in a message, and what is good for little (a task's key), with secret_assign().
 *
 * The struct is a value that owns its bytes. SECRET_EMPTY holds none; secret_wipe() on it is harmless. A
 * secret is never printed: logs and messages show secret_log_form() ("(secret, 17 bytes)").
 */
#ifndef LIBCOMMON_BASE_SECRET_H
#define LIBCOMMON_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret {
    char *bytes; /* NULL when empty; always followed by a NUL that `length` does not count */
    size_t length;
    bool locked; /* in pages of its own */
};

#define SECRET_EMPTY ((struct secret){NULL, 0, false})

enum { SECRET_LOG_FORM_BYTES = 48 };

/* Replaces what `secret` holds (wiping it) by a copy of `length` bytes, which may be its own. Ends the
 * program when there is no memory. */
void secret_assign(struct secret *secret, const void *bytes, size_t length);

/* As secret_assign, in whole pages that are locked (where RLIMIT_MEMLOCK allows it) and left out of cores:
 * not for things by the thousand. */
void secret_assign_locked(struct secret *secret, const void *bytes, size_t length);

/* Wipes and frees what `secret` holds and makes it empty. */
void secret_wipe(struct secret *secret);

/* Compares in time that depends on the lengths alone. */
bool secret_equal(const struct secret *left, const struct secret *right);

/* Wipes a buffer that held a secret; the compiler does not remove the call. */
void secret_wipe_bytes(void *bytes, size_t length);

/* As secret_wipe_bytes, and free(). NULL is harmless. */
void secret_free_bytes(void *bytes, size_t length);

/* What may stand in a log for the secret: its length and nothing else. */
const char *secret_log_form(const struct secret *secret, char out[SECRET_LOG_FORM_BYTES]);

#endif
