#include "libcommon/node/sandbox.h"

#include "libcommon/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>

/* Linux 6.3: memory that was ever writable never becomes executable. Best effort: an older kernel has no such
 * thing. */
static void refuse_new_code(void)
{
    enum { SET_MEMORY_DENY_WRITE_EXECUTE = 65, REFUSE_EXECUTABLE_GAIN = 1 };
#ifndef __SANITIZE_ADDRESS__
    prctl(SET_MEMORY_DENY_WRITE_EXECUTE, REFUSE_EXECUTABLE_GAIN, 0, 0, 0);
#endif
}

static const char *why_no_landlock(const struct landlock *landlock)
{
    if (landlock->version > 0)
        return "this kernel's Landlock is too old";
    if (landlock->reason == EOPNOTSUPP)
        return "Landlock is turned off on this machine (lsm=)";
    return landlock->reason == EPERM ? "this container refuses Landlock" : "this kernel has no Landlock";
}

static void describe(const struct landlock *landlock, char text[SANDBOX_TEXT_BYTES])
{
    if (landlock->version < LANDLOCK_VERSION_MIN) {
        snprintf(text, SANDBOX_TEXT_BYTES, "system calls only: %s", why_no_landlock(landlock));
        log_warn("confined: %s", text);
        return;
    }
    snprintf(text, SANDBOX_TEXT_BYTES, "system calls, files%s (Landlock %d)",
             landlock->ports ? ", ports" : "", landlock->version);
    log_info("confined: %s", text);
}

bool sandbox_apply(enum service_id service, const struct settings *settings, uint16_t peer_port,
                   char text[SANDBOX_TEXT_BYTES], struct error *error)
{
    struct landlock landlock;
    if (service == SERVICE_RUNNERD) {
        snprintf(text, SANDBOX_TEXT_BYTES, "what no job needs is refused; jobs inherit that");
        return sandbox_limit_calls(service, error);
    }
    if (!sandbox_limit_files(service, settings, peer_port, &landlock, error))
        return false;
    refuse_new_code();
    if (!sandbox_limit_calls(service, error))
        return false;
    describe(&landlock, text);
    return true;
}
