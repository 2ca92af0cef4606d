/* RFC 3339 date-times and Unix time, by the rules that docs/network.md begins with. */
#ifndef LIBCOMMON_BASE_RFC3339_H
#define LIBCOMMON_BASE_RFC3339_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { RFC3339_BYTES = 32 }; /* room for nine fraction digits, Z and the NUL */

/*
 * Any offset; digits after the ninth of a fraction are cut; a second of 60 and a space for T are refused. A
 * time that 64 bits of nanoseconds cannot hold (before 1677, after 2262) gives INT64_MIN or INT64_MAX: "for
 * ever" stays valid.
 */
bool rfc3339_parse(const char *text, int64_t *unix_ns, struct error *error);

/* UTC with nine fraction digits: 2024-01-02T03:04:05.006007008Z (docs/network.md 1.1). Returns `out`. */
char *rfc3339_format_nanoseconds(int64_t unix_ns, char out[RFC3339_BYTES]);

/*
 * UTC with three fraction digits and Z, as log lines have it. Years outside 0 to 9999 show as the nearest
 * that fits. Returns `out`.
 */
char *rfc3339_format_milliseconds(int64_t unix_ms, char out[RFC3339_BYTES]);

#endif
