#include "services/node/patience.h"

#include "libcommon/base/log.h"

#include <string.h>
#include <time.h>

enum { STEP_MS = 100 };

bool patience_wait(struct patience *patience, const struct error *conflict)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    if (conflict->code != ERROR_CONFLICT || patience->left_ms <= 0 || patience->stopped)
        return false;
    if (!patience->said)
        log_info("%s; waiting up to %d s, as the services of a node that was killed may be about to end",
                 conflict->text, PATIENCE_MS / 1000);
    patience->said = true;
    patience->left_ms -= STEP_MS;
    /* Process 1 of a container would not even be ended by a signal that nobody waits for. */
    int signal_number = sigtimedwait(&patience->signals->stopping, NULL, &step);
    if (signal_number < 0)
        return true;
    log_info("%s: not starting", strsignal(signal_number));
    patience->stopped = true;
    return false;
}
