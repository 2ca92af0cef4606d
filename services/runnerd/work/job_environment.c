#include "services/runnerd/work/job_environment.h"

#include "libcommon/base/memory.h"
#include "services/runnerd/shim/job_shim.h"
#include "services/runnerd/workspace/job_files.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char default_search_path[] = "/usr/local/bin:/usr/bin:/bin";

enum { OWN_VARIABLES = 16, PASSWD_BYTES = 4096 };

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

static void put_text(char **variables, const char *name, const char *value)
{
    put(variables, memory_format(JOB_SHIM_VARIABLE_PREFIX "%s=%s", name, value ? value : ""));
}

static void put_path(char **variables, const char *name, const char *workspace, const char *path)
{
    put(variables, memory_format(JOB_SHIM_VARIABLE_PREFIX "%s=%s/%s", name, workspace, path));
}

static bool is_inherited(const char *variable)
{
    static const char *const beginnings[] = {"PATH=", "LANG=", "LC_", "TZ="};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static void put_inherited(char **variables)
{
    put_text(variables, "PATH", default_search_path);
    for (char **variable = environ; *variable; variable++)
        if (is_inherited(*variable))
            put(variables, memory_format(JOB_SHIM_VARIABLE_PREFIX "%s", *variable));
}

/* A service's uid may have no name; programs that ask for one do with its number. */
static void put_user(char **variables)
{
    char buffer[PASSWD_BYTES];
    struct passwd entry;
    struct passwd *found = NULL;
    bool known = getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found;
    char *name = known ? memory_copy_text(entry.pw_name) : memory_format("%u", (unsigned)getuid());
    put_text(variables, "USER", name);
    put_text(variables, "LOGNAME", name);
    free(name);
}

static size_t count(char *const *variables)
{
    size_t count = 0;
    while (variables && variables[count])
        count++;
    return count;
}

char **job_environment_make(const struct message_host_command *command, const struct runner *runner)
{
    size_t given = count(runner->environment);
    char **variables = memory_allocate_array(OWN_VARIABLES + count(environ) + given + 1, sizeof *variables);
    put_inherited(variables);
    put_user(variables);
    put_text(variables, "HOME", command->workspace);
    put_path(variables, "TMPDIR", command->workspace, JOB_FILES_TEMPORARY);
    for (size_t i = 0; i < given; i++)
        put(variables, memory_format(JOB_SHIM_VARIABLE_PREFIX "%s", runner->environment[i]));
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

const char *job_environment_search_path(const struct runner *runner)
{
    const char *own = getenv("PATH");
    const char *path = own ? own : default_search_path;
    for (char **variable = runner->environment; variable && *variable; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0)
            path = *variable + 5;
    return path;
}

void job_environment_free(char **variables)
{
    for (size_t i = 0; variables[i]; i++) {
        secret_wipe_bytes(variables[i], strlen(variables[i]));
        free(variables[i]);
    }
    free(variables);
}
