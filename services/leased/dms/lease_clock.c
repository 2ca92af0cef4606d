#include "services/leased/dms/lease_clock.h"

/* Room for stopping a job and its uploads before DMS may give the task away. */
enum { MARGIN_MAX_MS = 2000, MARGIN_SHARE = 20 };

void lease_clock_set(struct lease_clock *clock, int64_t expires_unix_ms, int64_t server_unix_ms,
                     int64_t sent_boot_ms)
{
    int64_t left_ms = expires_unix_ms - server_unix_ms;
    clock->known = true;
    clock->ends_boot_ms = sent_boot_ms + left_ms;
    if (left_ms <= 0)
        return;
    int64_t margin_ms = left_ms / MARGIN_SHARE < MARGIN_MAX_MS ? left_ms / MARGIN_SHARE : MARGIN_MAX_MS;
    clock->fence_boot_ms = clock->ends_boot_ms - margin_ms;
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
