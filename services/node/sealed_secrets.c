#include "services/node/sealed_secrets.h"

#include "libcommon/confine/environment.h"
#include "libcommon/node/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool sealed_secrets_leave_environment(char **argv, struct error *error)
{
    char number[16];
    const struct environment environment = {.variables = environ, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    bool clean = getenv(ENVIRONMENT_SECRETS_FD) != NULL;
    for (size_t i = 0; clean && i < settings_secret_count; i++)
        clean = !environment_get(&environment, settings_secret_variables[i]);
    if (clean)
        return true;
    int fd = environment_seal(&environment, settings_secret_variables, settings_secret_count, error);
    if (fd < 0)
        return false;
    environment_wipe(environ, settings_secret_variables, settings_secret_count);
    snprintf(number, sizeof number, "%d", fd);
    /* Without the number the next start would find nothing and do this again, for ever. */
    if (setenv(ENVIRONMENT_SECRETS_FD, number, 1) != 0)
        return error_set_errno(error, errno, "cannot set " ENVIRONMENT_SECRETS_FD);
    /* By its own path, so that ps and pkill show its name; "exe" would be all they see of the link. */
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
        execv(path, argv);
    }
    return error_set_errno(error, errno, "cannot execute posemesh-node again without its secrets");
}
