/* Whether a runner could be started now, as far as its files tell. */
#ifndef RUNNERD_HOST_RUNNER_LOOK_H
#define RUNNERD_HOST_RUNNER_LOOK_H

#include "services/runnerd/host/runner.h"

enum { RUNNER_REASON_BYTES = 1024 };

struct runner_look {
    bool works;
    char reason[RUNNER_REASON_BYTES]; /* why not: "cannot start /x/main: it is a folder" */
    uint64_t identity;                /* as of start_look: of what a start would take */
};

/*
 * As the user that this process is, with the PATH that a job would have. The kernel has the last word: a
 * program of another machine looks as if it could be started.
 */
void runner_look(const struct runner *runner, struct runner_look *look);

#endif
