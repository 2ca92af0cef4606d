/* Whether a runner could be started now, as far as its files tell. */
#ifndef RUNNERD_OFFERING_RUNNER_LOOK_H
#define RUNNERD_OFFERING_RUNNER_LOOK_H

#include "services/runnerd/host/runner_offers.h"

/*
 * As the user that this process is, with the PATH that a job would have. The kernel has the last word: a
 * program of another machine looks as if it could be started.
 */
void runner_look(const struct runner *runner, struct runner_look *look);

#endif
