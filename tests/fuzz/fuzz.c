#include "tests/fuzz/fuzz.h"

#include "libcommon/base/memory.h"
#include "libcommon/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *promise)
{
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

struct error fuzz_no_error(void)
{
    return (struct error){.code = ERROR_NONE};
}

void fuzz_expect_error(const struct error *error)
{
    fuzz_expect(error->code != ERROR_NONE && error->text[0], "a function that fails fills its error");
}

void fuzz_expect_same_text(const char *left, const char *right, const char *promise)
{
    fuzz_expect((left == NULL) == (right == NULL), promise);
    fuzz_expect(!left || strcmp(left, right) == 0, promise);
}

uint8_t fuzz_take_byte(struct fuzz_input *input)
{
    if (input->length == 0)
        return 0;
    input->length--;
    return *input->bytes++;
}

int64_t fuzz_take_int64(struct fuzz_input *input)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | fuzz_take_byte(input);
    return (int64_t)number;
}

struct fuzz_input fuzz_take_bytes(struct fuzz_input *input, char separator)
{
    const uint8_t *found = input->length ? memchr(input->bytes, separator, input->length) : NULL;
    size_t length = found ? (size_t)(found - input->bytes) : input->length;
    size_t taken = found ? length + 1 : length;
    struct fuzz_input piece = {input->bytes, length};
    input->bytes += taken;
    input->length -= taken;
    return piece;
}

char *fuzz_take_text(struct fuzz_input *input, char separator)
{
    struct fuzz_input piece = fuzz_take_bytes(input, separator);
    return memory_copy_bytes(piece.bytes, strnlen((const char *)piece.bytes, piece.length));
}

bool fuzz_is_one_line(const char *text)
{
    for (size_t length = strlen(text); length > 0;) {
        uint32_t code_point;
        size_t bytes = utf8_decode(text, length, &code_point);
        if (bytes == 0 || code_point < ' ' || (code_point >= 0x7f && code_point <= 0x9f) ||
            code_point == 0x2028 || code_point == 0x2029 || utf8_is_format(code_point))
            return false;
        text += bytes;
        length -= bytes;
    }
    return true;
}

bool fuzz_is_safe_name(const char *text, size_t length)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr(safe, text[i]))
            return false;
    return length > 0;
}

bool fuzz_has_dots(const char *path, size_t length)
{
    for (size_t start = 0; start <= length;) {
        size_t end = start;
        while (end < length && path[end] != '/')
            end++;
        bool dots = (end - start == 1 && path[start] == '.') ||
                    (end - start == 2 && path[start] == '.' && path[start + 1] == '.');
        if (dots)
            return true;
        start = end + 1;
    }
    return false;
}
