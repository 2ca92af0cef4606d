/* UUIDs as text (RFC 9562): 8-4-4-4-12 hexadecimal digits. */
#ifndef LIBCOMMON_BASE_UUID_H
#define LIBCOMMON_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { UUID_BYTES = 16, UUID_TEXT_BYTES = 37 };

/* The text form in either case, with nothing around it; any version and variant. `text` may be NULL: not
 * valid. */
bool uuid_is_valid(const char *text);

/* The lower-case text form of a version 4 UUID made of 16 random bytes, six bits of which give way to version
 * and variant. Returns `out`. */
char *uuid_format_random(const uint8_t random_bytes[UUID_BYTES], char out[UUID_TEXT_BYTES]);

#endif
