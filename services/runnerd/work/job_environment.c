#include "services/runnerd/work/job_environment.h"

#include "libcommon/base/memory.h"
#include "services/runnerd/workspace/job_files.h"

#include <stdlib.h>
#include <string.h>

enum { OWN_VARIABLES = 16 };

/* Takes `variable`; it replaces one of the same name. */
static void put(char **variables, char *variable)
{
    size_t name_length = strcspn(variable, "=") + 1;
    size_t i = 0;
    while (variables[i] && strncmp(variables[i], variable, name_length) != 0)
        i++;
    free(variables[i]);
    variables[i] = variable;
}

static void put_inherited(char **variables, const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    if (value || otherwise)
        put(variables, memory_format("%s=%s", name, value ? value : otherwise));
}

static void put_text(char **variables, const char *name, const char *value)
{
    put(variables, memory_format("%s=%s", name, value ? value : ""));
}

static void put_path(char **variables, const char *name, const char *workspace, const char *path)
{
    put(variables, memory_format("%s=%s/%s", name, workspace, path));
}

char **job_environment_create(const struct message_host_command *command, const struct runner *runner)
{
    size_t extra = 0;
    while (runner->environment && runner->environment[extra])
        extra++;
    char **variables = memory_allocate_array(OWN_VARIABLES + extra + 1, sizeof *variables);
    put_inherited(variables, "PATH", "/usr/local/bin:/usr/bin:/bin");
    put_inherited(variables, "LANG", NULL);
    put_inherited(variables, "TZ", NULL);
    put_text(variables, "HOME", command->workspace);
    for (size_t i = 0; i < extra; i++)
        put(variables, memory_copy_text(runner->environment[i]));
    put_text(variables, "POSEMESH_TASK_ID", command->task_id);
    put_text(variables, "POSEMESH_JOB_ID", command->job_id);
    put_text(variables, "POSEMESH_CAPABILITY", command->capability);
    put_text(variables, "POSEMESH_DOMAIN_ID", command->domain_id);
    put_text(variables, "POSEMESH_TASK_KEY", command->task_key.bytes);
    put_path(variables, "POSEMESH_TASK_FILE", command->workspace, JOB_FILES_TASK);
    put_path(variables, "POSEMESH_INPUTS_FILE", command->workspace, JOB_FILES_INPUTS);
    put_path(variables, "POSEMESH_OUTPUTS_DIR", command->workspace, JOB_FILES_OUTPUTS);
    return variables;
}

void job_environment_free(char **variables)
{
    for (size_t i = 0; variables[i]; i++) {
        secret_wipe_bytes(variables[i], strlen(variables[i]));
        free(variables[i]);
    }
    free(variables);
}
