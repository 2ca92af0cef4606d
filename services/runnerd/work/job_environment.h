/* The environment of a job: nothing of runnerd's own but PATH, LANG and TZ. */
#ifndef RUNNERD_WORK_JOB_ENVIRONMENT_H
#define RUNNERD_WORK_JOB_ENVIRONMENT_H

#include "libcommon/node/messages.h"
#include "services/runnerd/host/runner_file.h"

/*
 * "NAME=value" texts, NULL-terminated; the runner file's win over the defaults. Free with
 * job_environment_free(), which wipes them: the task's key is among them.
 */
char **job_environment_create(const struct message_host_command *command, const struct runner *runner);
void job_environment_free(char **variables);

#endif
