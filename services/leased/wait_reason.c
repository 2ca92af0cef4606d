#include "services/leased/wait_reason.h"

#include "libcommon/base/text.h"

bool wait_reason_is_login(const struct wait_facts *facts)
{
    return facts->poll == POLLER_WITHOUT_TOKEN || facts->dms->tasks.no_token;
}

static bool find_dms_reason(const struct wait_facts *facts, char out[WAIT_REASON_BYTES])
{
    const char *reason = "";
    if (wait_reason_is_login(facts))
        reason = *facts->login ? facts->login : "cannot log in: authd has no access token yet";
    else if (facts->poll == POLLER_FAILING)
        reason = facts->dms->polls.text;
    else if (*facts->dms->tasks.text)
        reason = facts->dms->tasks.text;
    else if (facts->poll == POLLER_NEW)
        reason = "waiting for DMS's first answer";
    text_format(out, WAIT_REASON_BYTES, "%s", reason);
    return *reason != '\0';
}

bool wait_reason_find(const struct wait_facts *facts, char out[WAIT_REASON_BYTES])
{
    if (facts->draining)
        text_format(out, WAIT_REASON_BYTES, "draining: %zu task%s left", facts->leases,
                    facts->leases == 1 ? "" : "s");
    else if (facts->hosts == 0)
        text_format(out, WAIT_REASON_BYTES, "waiting for a runner host: posemesh-runnerd is not there");
    else if (!facts->hosts_can_work)
        text_format(out, WAIT_REASON_BYTES, "%s",
                    facts->why_nothing
                        ? facts->why_nothing
                        : "no capability: put a runner file into POSEMESH_RUNNERS_DIR of a runner host");
    else if (facts->disk_is_low)
        disk_room_describe(&facts->disk, facts->disk_reserve_bytes, facts->work_dir, out, WAIT_REASON_BYTES);
    else if (facts->all_rest)
        text_format(out, WAIT_REASON_BYTES,
                    "resting: %.*s for %lld s more, as %lld jobs in a row failed at once",
                    TEXT_CUT(facts->rests, 256), (long long)(facts->rest_ms + 999) / 1000,
                    (long long)facts->rest_failures);
    else
        return find_dms_reason(facts, out);
    return true;
}
