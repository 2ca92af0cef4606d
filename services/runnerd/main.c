/*
 * posemesh-runnerd: runs the jobs of the capabilities in POSEMESH_RUNNERS_DIR, each below a shim of its own.
 *
 * SECURITY: the only service that starts programs. It holds the keys of its jobs' tasks and no token; a job
 * gets nothing of its environment but PATH, LANG, LC_* and TZ. Jobs share its uid: what they may not read
 * must not be readable to it.
 */
#include "libcommon/service/service.h"
#include "services/runnerd/runnerd.h"

static host_command_function *const command_handlers[COMMAND_COUNT] = {
    [COMMAND_start] = runnerd_handle_start,
    [COMMAND_cancel] = runnerd_handle_cancel,
};

static bool start(struct service_context *context, struct error *error)
{
    return runnerd_start(context, command_handlers, error);
}

static const struct service runnerd = {
    .id = SERVICE_RUNNERD,
    .purpose = "Runs the capabilities of this host: runner files' programs, and noop.",
    .check = runnerd_check,
    .begin_as_root = runnerd_open_shim,
    .start = start,
    .terminate = runnerd_terminate,
    .stop = runnerd_stop,
    .describe = runnerd_describe,
};

int main(int argc, char **argv)
{
    return service_main(&runnerd, argc, argv);
}
