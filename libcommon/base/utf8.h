/* Reading UTF-8 one code point at a time (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
#ifndef LIBCOMMON_BASE_UTF8_H
#define LIBCOMMON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_MAX_BYTES = 4 };

#define UTF8_BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Bytes of a sequence that begins with `first` (1 to 4); 0 for a byte that none begins with. */
size_t utf8_sequence_bytes(char first);

/* Bytes of the code point that `bytes` begins with (1 to 4), stored in *code_point; 0 when it is not valid or
 * cut off. */
size_t utf8_decode(const char *bytes, size_t length, uint32_t *code_point);

/* C0, DEL, C1, U+2028 and U+2029: what ends a line or steers a terminal somewhere. */
bool utf8_is_control(uint32_t code_point);

/* Unicode's category Cf (soft hyphen, zero-width characters, bidirectional controls, tags): what is not seen,
 * or changes how other text is seen. */
bool utf8_is_format(uint32_t code_point);

/* Writes a code point (not a surrogate, at most U+10FFFF) without a NUL; returns its 1 to 4 bytes. */
size_t utf8_encode(uint32_t code_point, char out[UTF8_MAX_BYTES]);

#endif
