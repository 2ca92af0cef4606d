#include "services/leased/wait_reason.h"

#include "libcommon/base/text.h"

static bool find_poll_reason(const struct wait_facts *facts, char out[WAIT_REASON_BYTES])
{
    const char *failure = *facts->poll_failure ? facts->poll_failure : "authd has no access token yet";
    switch (facts->poll) {
    case POLLER_WITHOUT_TOKEN:
        text_format(out, WAIT_REASON_BYTES, "cannot log in: %s", failure);
        return true;
    case POLLER_FAILING:
        text_format(out, WAIT_REASON_BYTES, "cannot reach DMS: %s", failure);
        return true;
    case POLLER_NEW:
        text_format(out, WAIT_REASON_BYTES, "waiting for DMS's first answer");
        return true;
    default:
        out[0] = '\0';
        return false;
    }
}

bool wait_reason_find(const struct wait_facts *facts, char out[WAIT_REASON_BYTES])
{
    if (facts->draining)
        text_format(out, WAIT_REASON_BYTES, "draining: %zu task%s left", facts->leases,
                    facts->leases == 1 ? "" : "s");
    else if (facts->hosts == 0)
        text_format(out, WAIT_REASON_BYTES, "waiting for a runner host: posemesh-runnerd is not there");
    else if (!facts->hosts_can_work)
        text_format(out, WAIT_REASON_BYTES,
                    "no capability: put a runner file into POSEMESH_RUNNERS_DIR of a runner host");
    else if (facts->disk_is_low)
        disk_room_describe(&facts->disk, facts->disk_reserve_bytes, facts->work_dir, out, WAIT_REASON_BYTES);
    else if (facts->all_rest)
        text_format(out, WAIT_REASON_BYTES,
                    "resting: %.*s for %lld s more, as %lld jobs in a row failed at once",
                    TEXT_CUT(facts->rests, 256), (long long)(facts->rest_ms + 999) / 1000,
                    (long long)facts->rest_failures);
    else
        return find_poll_reason(facts, out);
    return true;
}
