#include "libcommon/environment.h"

#include "libcommon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *value_of(const char *variable, const char *name)
{
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=' ? variable + length + 1 : NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
    const char *end = environment->sealed.bytes + environment->sealed.length;
    for (const char *variable = environment->sealed.bytes; variable && variable < end;
         variable += strlen(variable) + 1) {
        const char *value = value_of(variable, name);
        if (value)
            return value;
    }
    for (char **variable = environment->variables; *variable; variable++) {
        const char *value = value_of(*variable, name);
        if (value)
            return value;
    }
    return NULL;
}

static bool read_sealed(struct environment *environment, int fd, struct error *error)
{
    char buffer[LIMIT_SECRET_FILE_BYTES];
    ssize_t length = pread(fd, buffer, sizeof buffer, 0);
    if (length < 0)
        return error_set_errno(error, errno, "cannot read the sealed secrets");
    secret_assign(&environment->sealed, buffer, (size_t)length);
    secret_wipe_bytes(buffer, sizeof buffer);
    return true;
}

bool environment_open(struct environment *environment, char **variables, struct error *error)
{
    *environment = (struct environment){.variables = variables, .sealed = SECRET_EMPTY, .sealed_fd = -1};
    const char *number = environment_get(environment, ENVIRONMENT_SECRETS_FD);
    if (!number)
        return true;
    char *end = NULL;
    long fd = strtol(number, &end, 10);
    if (end == number || *end || fd < 0 || fd > 1000000)
        return error_set(error, ERROR_INVALID, ENVIRONMENT_SECRETS_FD " is not a descriptor: %s", number);
    environment->sealed_fd = (int)fd;
    fcntl(environment->sealed_fd, F_SETFD, FD_CLOEXEC);
    return read_sealed(environment, environment->sealed_fd, error);
}

void environment_close(struct environment *environment)
{
    secret_wipe(&environment->sealed);
}

void environment_wipe(char **variables, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char **keep = variables;
        for (char **variable = variables; *variable; variable++) {
            if (value_of(*variable, names[i]))
                secret_wipe_bytes(*variable, strlen(*variable));
            else
                *keep++ = *variable;
        }
        *keep = NULL;
    }
}

static bool write_variable(int fd, const char *name, const char *value, struct error *error)
{
    /* The NUL that ends each variable is written with it. */
    if (dprintf(fd, "%s=%s%c", name, value, '\0') < 0)
        return error_set_errno(error, errno, "cannot write the sealed secrets");
    return true;
}

int environment_seal(const struct environment *environment, const char *const *names, size_t count,
                     struct error *error)
{
    int fd = memfd_create("posemesh-secrets", MFD_ALLOW_SEALING);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot create a memory file for the secrets");
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const char *value = environment_get(environment, names[i]);
        if (value && !write_variable(fd, names[i], value, error))
            goto fail;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    error_set_errno(error, errno, "cannot seal the secrets");
fail:
    close(fd);
    return -1;
}
