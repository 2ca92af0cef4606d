#include "services/stored/session/lease_expiry.h"

void lease_expiry_told(struct lease_expiry *expiry, int64_t ends_ms)
{
    if (ends_ms)
        expiry->counts_from_ms = ends_ms;
}

void lease_expiry_restored(struct lease_expiry *expiry, bool had_end, int64_t now_ms)
{
    expiry->counts_from_ms = had_end ? now_ms : 0;
}

int64_t lease_expiry_due_ms(const struct lease_expiry *expiry)
{
    int64_t due_ms;
    /* An end may be anything that a number can be. */
    bool never = !expiry->counts_from_ms ||
                 __builtin_add_overflow(expiry->counts_from_ms, LEASE_EXPIRY_GRACE_MS, &due_ms);
    return never ? INT64_MAX : due_ms;
}
