/*
 * Feeds foreign text, as it comes in headers, errors and job output, to what makes it fit for a log; the
 * first byte is the room that there is.
 *
 * What comes out is one line of valid UTF-8 without control characters, and fits.
 */
#include "libcommon/base/text.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t capacity = (size_t)fuzz_take_byte(&input) + 1;
    char *out = malloc(capacity);
    if (!out)
        abort();
    const char *text = (const char *)input.bytes;
    fuzz_expect(text_one_line(text, input.length, out, capacity) == out, "what is given is what was written");
    fuzz_expect(strlen(out) < capacity && fuzz_is_one_line(out), "it is one line and fits");
    free(out);
    char *copy = text_copy_one_line(text, input.length);
    fuzz_expect(strlen(copy) <= input.length && fuzz_is_one_line(copy), "a copy is one line and no longer");
    free(copy);
    return 0;
}
