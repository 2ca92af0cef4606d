#include "libcommon/service/waiting_line.h"

#include "libcommon/base/text.h"

#include <stddef.h>
#include <string.h>

void waiting_line_init(struct waiting_line *line, int64_t now_ms)
{
    *line = (struct waiting_line){.waits = true, .owes_end = true, .since_ms = now_ms};
}

static struct waiting_line_step end(struct waiting_line *line)
{
    bool owed = line->waits && line->owes_end;
    line->waits = false;
    line->owes_end = line->owes_end && !owed;
    return (struct waiting_line_step){owed ? WAITING_LINE_OVER : WAITING_LINE_NOTHING, INT64_MAX};
}

static void without_details(const char *reason, char kind[WAITING_LINE_KIND_BYTES])
{
    const char *details = strstr(reason, ": ");
    size_t length = details ? (size_t)(details - reason) : strlen(reason);
    text_format(kind, WAITING_LINE_KIND_BYTES, "%.*s", (int)length, reason);
}

struct waiting_line_step waiting_line_next(struct waiting_line *line, const char *reason, int64_t now_ms)
{
    char kind[WAITING_LINE_KIND_BYTES];
    if (!reason)
        return end(line);
    if (!line->waits) {
        line->waits = true;
        line->since_ms = now_ms;
        line->told[0] = '\0';
    }
    without_details(reason, kind);
    int64_t due_ms = now_ms;
    if (!*line->told)
        due_ms = line->since_ms + WAITING_LINE_SETTLE_MS;
    else if (strcmp(kind, line->told) == 0)
        due_ms = line->told_ms + WAITING_LINE_REPEAT_MS;
    if (now_ms < due_ms)
        return (struct waiting_line_step){WAITING_LINE_NOTHING, due_ms};
    memcpy(line->told, kind, sizeof kind);
    line->told_ms = now_ms;
    line->owes_end = true;
    return (struct waiting_line_step){WAITING_LINE_REASON, now_ms + WAITING_LINE_REPEAT_MS};
}
