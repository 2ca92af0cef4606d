#include "services/leased/dms/dms_reach.h"

#include "libcommon/base/retry.h"
#include "libcommon/base/text.h"

#include <string.h>

enum { HTTP_UNAUTHORIZED = 401, HTTP_NOT_FOUND = 404, HTTP_METHOD_NOT_ALLOWED = 405 };

/* A refused heartbeat or report says something about its task: DMS is there. */
static bool is_trouble(const struct http_response *response, bool of_task)
{
    if (!response)
        return true;
    int status = response->status;
    if (of_task)
        return status == HTTP_UNAUTHORIZED || retry_status_is_transient(status);
    return status != 200 && status != 204 && status != 409;
}

static void describe(const struct dms_answer *answer, char out[DMS_TEXT_BYTES])
{
    char text[DMS_TEXT_BYTES];
    const struct http_response *response = answer->response;
    if (response && (response->status == HTTP_NOT_FOUND || response->status == HTTP_METHOD_NOT_ALLOWED))
        /* Without its query, which changes from poll to poll. */
        text_format(out, DMS_TEXT_BYTES, "DMS answers %.*s with %d: is DMS_BASE_URL right?",
                    (int)strcspn(response->request, "?"), response->request, response->status);
    else
        text_format(out, DMS_TEXT_BYTES, "%s: %s",
                    response ? "DMS does not answer as it should" : "cannot reach DMS (DMS_BASE_URL)",
                    dms_describe(answer, text));
}

void dms_reach_note(struct dms_reach *reach, bool of_task, const struct dms_answer *answer)
{
    struct dms_trouble *trouble = of_task ? &reach->tasks : &reach->polls;
    trouble->no_token = answer->no_token;
    trouble->text[0] = '\0';
    if (!answer->no_token && is_trouble(answer->response, of_task))
        describe(answer, trouble->text);
    else if (!answer->no_token && !of_task)
        reach->tasks = (struct dms_trouble){.no_token = false};
}
