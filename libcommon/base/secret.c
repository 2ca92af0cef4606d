#include "libcommon/base/secret.h"

#include "libcommon/base/memory.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages of its own, so that MADV_DONTDUMP and mlock cover the secret and nothing else shares their fate. */
static size_t mapped_bytes(size_t length)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    return (length + 1 + page_bytes - 1) / page_bytes * page_bytes;
}

void secret_assign(struct secret *secret, const void *bytes, size_t length)
{
    char *copy = memory_copy_bytes(bytes, length);
    secret_wipe(secret);
    *secret = (struct secret){.bytes = copy, .length = length};
}

void secret_assign_locked(struct secret *secret, const void *bytes, size_t length)
{
    /* cppcheck-suppress invalidFunctionArg; mmap(2) wants -1 with MAP_ANONYMOUS */
    char *copy = mmap(NULL, mapped_bytes(length), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        memory_exhausted();
    madvise(copy, mapped_bytes(length), MADV_DONTDUMP);
    /* Best effort: RLIMIT_MEMLOCK may refuse it, and an unlocked secret still works. */
    (void)mlock(copy, mapped_bytes(length));
    if (length)
        memcpy(copy, bytes, length);
    secret_wipe(secret);
    *secret = (struct secret){.bytes = copy, .length = length, .locked = true};
}

void secret_wipe(struct secret *secret)
{
    if (secret->bytes)
        OPENSSL_cleanse(secret->bytes, secret->length);
    if (secret->locked)
        munmap(secret->bytes, mapped_bytes(secret->length));
    else
        free(secret->bytes);
    *secret = SECRET_EMPTY;
}

bool secret_equal(const struct secret *left, const struct secret *right)
{
    if (left->length != right->length)
        return false;
    return left->length == 0 || CRYPTO_memcmp(left->bytes, right->bytes, left->length) == 0;
}

void secret_wipe_bytes(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

void secret_free_bytes(void *bytes, size_t length)
{
    if (bytes)
        OPENSSL_cleanse(bytes, length);
    free(bytes);
}

const char *secret_log_form(const struct secret *secret, char out[SECRET_LOG_FORM_BYTES])
{
    snprintf(out, SECRET_LOG_FORM_BYTES, "(secret, %zu bytes)", secret->length);
    return out;
}
