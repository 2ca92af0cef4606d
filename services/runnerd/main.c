/*
 * posemesh-runnerd: runs the jobs of the capabilities in POSEMESH_RUNNERS_DIR, each below a shim of its own.
 *
 * SECURITY: the only service that starts programs. It holds the keys of its jobs' tasks and no token; a job
 * gets nothing of its environment but PATH, LANG and TZ. Jobs share its uid: what they may not read must not
 * be readable to it.
 */
#include "libcommon/service/service.h"
#include "services/runnerd/runnerd.h"
#include "services/runnerd/shim/job_shim.h"

static const struct service runnerd = {
    .id = SERVICE_RUNNERD,
    .purpose = "Runs the capabilities of this host: the programs that runner files name, and noop.",
    .start = runnerd_start,
    .terminate = runnerd_terminate,
    .stop = runnerd_stop,
    .describe = runnerd_describe,
};

int main(int argc, char **argv)
{
    if (job_shim_is_wanted(argc, argv))
        return job_shim_main(argc, argv);
    return service_main(&runnerd, argc, argv);
}
