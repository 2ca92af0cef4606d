/* Hexadecimal text: written in lower case, read in either. */
#ifndef LIBCOMMON_BASE_HEX_H
#define LIBCOMMON_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * length digits and a NUL to `out`, which has room for 2 * length + 1 bytes. Returns `out`. */
char *hex_encode(const void *bytes, size_t length, char *out);

/*
 * Reads exactly `digits` digits of `text` into `digits / 2` bytes. False, with `bytes` partly written, for an
 * odd count or anything that is no digit.
 */
bool hex_decode(const char *text, size_t digits, uint8_t *bytes);

#endif
