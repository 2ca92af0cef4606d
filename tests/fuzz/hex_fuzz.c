/*
 * Feeds bytes to the writer of hexadecimal digits, and as digits to the reader.
 *
 * Bytes survive being written and read; digits that were read are those that are written, in lower case.
 */
#include "libcommon/base/hex.h"

#include "libcommon/base/memory.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = memory_allocate(2 * size + 1);
    uint8_t *bytes = memory_allocate(size + 1);
    hex_encode(data, size, text);
    fuzz_expect(strspn(text, "0123456789abcdef") == 2 * size, "bytes are written as digits");
    fuzz_expect(hex_decode(text, 2 * size, bytes) && memcmp(bytes, data, size) == 0, "bytes survive");
    if (hex_decode((const char *)data, size, bytes)) {
        hex_encode(bytes, size / 2, text);
        fuzz_expect(strlen(text) == size && strncasecmp(text, (const char *)data, size) == 0,
                    "digits survive");
    }
    free(bytes);
    free(text);
    return 0;
}
