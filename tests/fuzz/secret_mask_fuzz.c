/*
 * Feeds a secret, a line break, and what a server may say after it has seen the secret.
 *
 * No run of the secret's characters is left, and what is not overwritten stays as it was.
 */
#include "services/authd/dds/secret_mask.h"

#include "libcommon/base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static bool is_plain(const char *run)
{
    return !memchr(run, '*', SECRET_MASK_RUN_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input text = {data, size};
    struct fuzz_input given = fuzz_take_bytes(&text, '\n');
    struct secret secret = SECRET_EMPTY;
    char *masked = memory_copy_bytes(text.length > 0 ? (const char *)text.bytes : "", text.length);
    secret_assign(&secret, given.bytes, given.length);
    secret_mask(&secret, masked, text.length);
    for (size_t i = 0; i < text.length; i++)
        fuzz_expect(masked[i] == (char)text.bytes[i] || masked[i] == '*', "what is not hidden stays");
    for (size_t i = 0; i + SECRET_MASK_RUN_BYTES <= secret.length; i++)
        fuzz_expect(!is_plain(secret.bytes + i) ||
                        !memmem(masked, text.length, secret.bytes + i, SECRET_MASK_RUN_BYTES),
                    "no run of the secret is left");
    secret_wipe(&secret);
    free(masked);
    return 0;
}
