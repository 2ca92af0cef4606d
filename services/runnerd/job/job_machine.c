#include "services/runnerd/job/job_machine.h"

#include "libcommon/base/memory.h"

#include <stdlib.h>

static void keep_reason(struct job_machine *machine, const char *reason)
{
    if (!machine->reason)
        machine->reason = memory_copy_text(reason ? reason : "failed without a reason");
}

static enum job_action finish(struct job_machine *machine, bool succeeded, const char *reason)
{
    machine->phase = JOB_PHASE_FINISHING;
    machine->succeeded = succeeded;
    if (!succeeded)
        keep_reason(machine, reason);
    return JOB_ACTION_FINISH;
}

static enum job_action on_stop(struct job_machine *machine, const char *reason)
{
    switch (machine->phase) {
    case JOB_PHASE_WORKING:
        machine->phase = JOB_PHASE_STOPPING;
        machine->stopped = true;
        keep_reason(machine, reason);
        return JOB_ACTION_STOP_WORK;
    case JOB_PHASE_STOPPING:
        /* Asked again: perhaps there is less time now. */
        return JOB_ACTION_STOP_WORK;
    case JOB_PHASE_PREPARING:
    case JOB_PHASE_UPLOADING:
        machine->stopped = true;
        return finish(machine, false, reason);
    default:
        return JOB_ACTION_NONE;
    }
}

static enum job_action on_work_end(struct job_machine *machine, bool succeeded, const char *reason)
{
    if (machine->phase == JOB_PHASE_STOPPING)
        return finish(machine, false, reason);
    if (machine->phase != JOB_PHASE_WORKING)
        return JOB_ACTION_NONE;
    if (!succeeded)
        return finish(machine, false, reason);
    machine->phase = JOB_PHASE_UPLOADING;
    return JOB_ACTION_START_UPLOADS;
}

enum job_action job_machine_on(struct job_machine *machine, enum job_event event, const char *reason)
{
    switch (event) {
    case JOB_EVENT_STOP:
        return on_stop(machine, reason);
    case JOB_EVENT_WORK_SUCCEEDED:
    case JOB_EVENT_WORK_FAILED:
        return on_work_end(machine, event == JOB_EVENT_WORK_SUCCEEDED, reason);
    case JOB_EVENT_PREPARED:
        if (machine->phase != JOB_PHASE_PREPARING)
            return JOB_ACTION_NONE;
        machine->phase = JOB_PHASE_WORKING;
        return JOB_ACTION_START_WORK;
    case JOB_EVENT_PREPARE_FAILED:
        return machine->phase == JOB_PHASE_PREPARING ? finish(machine, false, reason) : JOB_ACTION_NONE;
    case JOB_EVENT_UPLOADED:
    case JOB_EVENT_UPLOAD_FAILED:
        return machine->phase == JOB_PHASE_UPLOADING ? finish(machine, event == JOB_EVENT_UPLOADED, reason)
                                                     : JOB_ACTION_NONE;
    default:
        if (machine->phase != JOB_PHASE_FINISHING)
            return JOB_ACTION_NONE;
        machine->phase = JOB_PHASE_ENDED;
        return JOB_ACTION_END;
    }
}

void job_machine_clear(struct job_machine *machine)
{
    free(machine->reason);
    machine->reason = NULL;
}

const char *job_phase_name(enum job_phase phase)
{
    static const char *const names[] = {"preparing", "working",   "stopping",
                                        "uploading", "finishing", "ended"};
    return names[phase];
}
