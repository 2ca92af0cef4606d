/*
 * Whether two machines disagree about the time, for the sentence about what failed: a login that "expired" at
 * once, a certificate that is "not yet valid". Pure.
 */
#ifndef LIBCOMMON_HTTP_HTTP_CLOCKS_H
#define LIBCOMMON_HTTP_HTTP_CLOCKS_H

#include <stdint.h>

enum { HTTP_CLOCKS_BYTES = 192, HTTP_CLOCKS_APART_MS = 60 * 1000 };

/*
 * What this machine's clock (`local_unix_ms`) and that of a server's Date (-1: it gave none) say, when they
 * are a minute apart and more, or when `reason`, what failed, is about the time. Else "". Returns `out`.
 */
const char *http_clocks_describe(const char *reason, int64_t date_unix_ms, int64_t local_unix_ms,
                                 char out[HTTP_CLOCKS_BYTES]);

#endif
