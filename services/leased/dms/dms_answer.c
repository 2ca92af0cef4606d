#include "services/leased/dms/dms_answer.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/text.h"
#include "libcommon/http/http_clocks.h"

enum { BODY_SHOWN_BYTES = DMS_TEXT_BYTES - 64 };

const char *dms_describe(const struct dms_answer *answer, char out[DMS_TEXT_BYTES])
{
    const struct http_response *response = answer->response;
    char body[BODY_SHOWN_BYTES];
    char clocks[HTTP_CLOCKS_BYTES];
    if (!response) {
        text_format(out, DMS_TEXT_BYTES, "%s", answer->failure->text);
        return out;
    }
    /* A success that was not expected: its body is nothing that may be quoted (libcommon/http/http.h). */
    bool may_quote = response->status < 200 || response->status > 299;
    text_one_line(response->body, may_quote ? response->body_bytes : 0, body, sizeof body);
    http_clocks_describe(body, response->date_unix_ms, clock_unix_ms(), clocks);
    text_format(out, DMS_TEXT_BYTES, "%s answered %d%s%s%s%s", response->request, response->status,
                *clocks ? "; " : "", clocks, *body ? ": " : "", body);
    return out;
}
