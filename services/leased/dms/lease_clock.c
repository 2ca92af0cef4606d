#include "services/leased/dms/lease_clock.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/saturate.h"

/*
 * Before DMS may give the task away a job has its grace, and what comes after it (SIGKILL, and the way there)
 * its room. Of a short lease no more than a share is spent on that: the grace is shortened to fit.
 */
enum { ROOM_MS = 1000, MARGIN_MAX_MS = LIMIT_JOB_GRACE_MS + ROOM_MS, MARGIN_SHARE = 3, GRACE_MIN_MS = 1 };

/* As good as for ever, in either direction; sums of what follows from it stay far from the ends of 64 bits.
 */
static const int64_t left_max_ms = INT64_C(10) * 366 * 24 * 3600 * 1000;

static int64_t smaller(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

void lease_clock_set(struct lease_clock *clock, int64_t expires_unix_ms, int64_t server_unix_ms,
                     int64_t sent_boot_ms)
{
    int64_t left_ms = saturate_subtract(expires_unix_ms, server_unix_ms);
    left_ms = left_ms < -left_max_ms ? -left_max_ms : smaller(left_ms, left_max_ms);
    clock->known = true;
    clock->ends_boot_ms = sent_boot_ms + left_ms;
    if (left_ms <= 0)
        return;
    clock->margin_ms = smaller(left_ms / MARGIN_SHARE, MARGIN_MAX_MS);
    clock->fence_boot_ms = clock->ends_boot_ms - clock->margin_ms;
}

bool lease_clock_ran_out(const struct lease_clock *clock, int64_t now_boot_ms)
{
    return clock->fence_boot_ms != 0 && now_boot_ms >= clock->fence_boot_ms;
}

int64_t lease_clock_left_ms(const struct lease_clock *clock, int64_t now_boot_ms)
{
    if (!clock->known)
        return -1;
    int64_t left_ms = clock->ends_boot_ms - now_boot_ms;
    return left_ms > 0 ? left_ms : 0;
}

int64_t lease_clock_grace_ms(const struct lease_clock *clock, int64_t now_boot_ms)
{
    if (!clock->fence_boot_ms)
        return LIMIT_JOB_GRACE_MS;
    int64_t left_ms = clock->fence_boot_ms + clock->margin_ms - now_boot_ms;
    int64_t grace_ms = smaller(left_ms, clock->margin_ms) - ROOM_MS;
    return grace_ms > GRACE_MIN_MS ? grace_ms : GRACE_MIN_MS;
}
