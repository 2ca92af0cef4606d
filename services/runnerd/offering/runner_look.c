#include "services/runnerd/offering/runner_look.h"

#include "libcommon/base/text.h"
#include "services/runnerd/shim/start_fault.h"
#include "services/runnerd/work/job_environment.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void runner_look(const struct runner *runner, struct runner_look *look)
{
    struct start_look start;
    *look = (struct runner_look){.works = true};
    if (runner->noop)
        return;
    const char *program = runner->command[0];
    start_fault_look(program, job_environment_search_path(runner), &start);
    look->identity = start.identity;
    if (start.fault) {
        look->works = false;
        text_format(look->reason, sizeof look->reason, "cannot start %.*s: %s", TEXT_CUT(program, 512),
                    start.text);
    }
    /* A script that jobs' user cannot read would cost its task every attempt. */
    for (char **file = runner->files; look->works && *file; file++)
        if (access(*file, R_OK) != 0 && access(*file, X_OK) != 0) {
            look->works = false;
            text_format(look->reason, sizeof look->reason, "cannot start %.*s: it is given %.*s: %s",
                        TEXT_CUT(program, 256), TEXT_CUT(*file, 512), strerror(errno));
        }
}
