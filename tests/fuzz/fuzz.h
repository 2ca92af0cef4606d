/* What the fuzz targets share: promises that must hold, and inputs taken apart. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls it with each input, in memory of just its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program with the sentence: a finding. */
void fuzz_fail(const char *promise) __attribute__((noreturn));

static inline void fuzz_expect(bool holds, const char *promise)
{
    if (!holds)
        fuzz_fail(promise);
}

/* A function that fails fills its error; one that was not called must leave it as fuzz_no_error() made it. */
struct error fuzz_no_error(void);
void fuzz_expect_error(const struct error *error);

/* Both texts are NULL, or both are the same. */
void fuzz_expect_same_text(const char *left, const char *right, const char *promise);

/* What is left of an input. */
struct fuzz_input {
    const uint8_t *bytes;
    size_t length;
};

/* 0 when nothing is left. */
uint8_t fuzz_take_byte(struct fuzz_input *input);
int64_t fuzz_take_int64(struct fuzz_input *input);

/* The text before the next `separator` (or the end), which is taken too; what follows a NUL in it is cut off.
 * free() it. */
char *fuzz_take_text(struct fuzz_input *input, char separator);

/* The bytes before the next `separator` (or the end), borrowed. */
struct fuzz_input fuzz_take_bytes(struct fuzz_input *input, char separator);

/* No control and format characters and valid UTF-8: fit for one line of a log. */
bool fuzz_is_one_line(const char *text);

/* Letters, digits, "-" and "_" alone, and at least one of them. */
bool fuzz_is_safe_name(const char *text, size_t length);

/* Whether a component between slashes is "." or "..". */
bool fuzz_has_dots(const char *path, size_t length);

#endif
