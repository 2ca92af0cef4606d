/*
 * The environment of a job, the whole of it; sdk/examples/README.md has the list for those who write runners.
 * Nothing of runnerd's own is in it but what says how text, time and programs are found.
 */
#ifndef RUNNERD_WORK_JOB_ENVIRONMENT_H
#define RUNNERD_WORK_JOB_ENVIRONMENT_H

#include "libcommon/node/messages.h"
#include "services/runnerd/host/runner.h"

/*
 * Of the start command's job, as the shim takes it (job_shim.h), NULL-terminated; the runner file's variables
 * win over all but those of the node (POSEMESH_*).
 */
char **job_environment_make(const struct message_host_command *command, const struct runner *runner);

/* The PATH of the runner's jobs: where the program is looked for. */
const char *job_environment_search_path(const struct runner *runner);

/* Wipes them: the task's key is among them. */
void job_environment_free(char **variables);

#endif
