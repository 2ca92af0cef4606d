#include "libcommon/sandbox_internal.h"

#include "libcommon/landlock.h"
#include "libcommon/log.h"

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

static void describe(enum sandbox_files_outcome outcome, int version, char text[SANDBOX_TEXT_BYTES])
{
    if (outcome == SANDBOX_FILES_REFUSED_BY_KERNEL) {
        snprintf(text, SANDBOX_TEXT_BYTES,
                 "system calls only: this kernel has no Landlock of version %d or later",
                 LANDLOCK_VERSION_MIN);
        log_warn("confined: %s", text);
        return;
    }
    snprintf(text, SANDBOX_TEXT_BYTES, "system calls, files%s (Landlock %d)",
             outcome == SANDBOX_FILES_AND_PORTS ? ", ports" : "", version);
    log_info("confined: %s", text);
}

bool sandbox_apply(enum service_id service, const struct sandbox_places *places,
                   char text[SANDBOX_TEXT_BYTES], struct error *error)
{
    enum sandbox_files_outcome outcome = SANDBOX_FILES_ONLY;
    int version = 0;
    if (service == SERVICE_RUNNERD) {
        snprintf(text, SANDBOX_TEXT_BYTES, "what no job needs is refused; jobs inherit that");
        return sandbox_limit_calls(service, error);
    }
    if (!sandbox_limit_files(service, places, &outcome, &version, error))
        return false;
    refuse_new_code();
    if (!sandbox_limit_calls(service, error))
        return false;
    describe(outcome, version, text);
    return true;
}
