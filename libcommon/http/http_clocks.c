#include "libcommon/http/http_clocks.h"

#include "libcommon/base/rfc3339.h"
#include "libcommon/base/saturate.h"
#include "libcommon/base/text.h"

#include <string.h>

/* As servers, OpenSSL and we say it. */
static bool is_about_time(const char *reason)
{
    static const char *const words[] = {"expir", "not yet valid", "timestamp", "issued at", "clock"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(reason, words[i]))
            return true;
    return false;
}

static void format_span(int64_t span_ms, char *out, size_t capacity)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{INT64_C(86400000), "days"}, {3600000, "hours"}, {60000, "minutes"}, {1000, "seconds"}};
    size_t unit = 0;
    while (unit < 3 && span_ms < 2 * units[unit].ms)
        unit++;
    text_format(out, capacity, "%lld %s", (long long)(span_ms / units[unit].ms), units[unit].name);
}

const char *http_clocks_describe(const char *reason, int64_t date_unix_ms, int64_t local_unix_ms,
                                 char out[HTTP_CLOCKS_BYTES])
{
    char local[RFC3339_BYTES];
    char server[RFC3339_BYTES];
    char span[32];
    bool behind = local_unix_ms < date_unix_ms;
    int64_t apart_ms = date_unix_ms < 0 ? 0
                       : behind         ? saturate_subtract(date_unix_ms, local_unix_ms)
                                        : saturate_subtract(local_unix_ms, date_unix_ms);
    out[0] = '\0';
    rfc3339_format_milliseconds(local_unix_ms, local);
    rfc3339_format_milliseconds(date_unix_ms, server);
    if (apart_ms >= HTTP_CLOCKS_APART_MS) {
        format_span(apart_ms, span, sizeof span);
        text_format(out, HTTP_CLOCKS_BYTES,
                    "this machine's clock says %s, the server's %s: %s %s, one of them has to be set", local,
                    server, span, behind ? "behind" : "ahead");
    } else if (is_about_time(reason) && date_unix_ms < 0) {
        text_format(out, HTTP_CLOCKS_BYTES, "this machine's clock says %s; is it right?", local);
    } else if (is_about_time(reason)) {
        text_format(out, HTTP_CLOCKS_BYTES, "this machine's clock says %s, the server's %s", local, server);
    }
    return out;
}
