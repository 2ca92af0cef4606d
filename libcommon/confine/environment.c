#include "libcommon/confine/environment.h"

#include "libcommon/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *value_of(const char *variable, const char *name)
{
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=' ? variable + length + 1 : NULL;
}

const char *environment_get(const struct environment *environment, const char *name)
{
    const struct secret *sealed = &environment->sealed;
    for (size_t at = 0; at < sealed->length; at += strlen(sealed->bytes + at) + 1) {
        const char *value = value_of(sealed->bytes + at, name);
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

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static bool read_sealed(struct environment *environment, int fd, struct error *error)
{
    /* One byte more than allowed, so that a secret that is too long is refused and not cut. */
    char buffer[LIMIT_SECRET_FILE_BYTES + 1];
    ssize_t length = pread(fd, buffer, sizeof buffer, 0);
    if (length < 0)
        return error_set_errno(error, errno, "cannot read the sealed secrets");
    if (length > LIMIT_SECRET_FILE_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "the sealed secrets have more than %d bytes",
                         LIMIT_SECRET_FILE_BYTES);
    secret_assign_locked(&environment->sealed, buffer, (size_t)length);
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
    /* A number left over or made up could name anything, stderr too; only our memory file has the seals. */
    if (fcntl((int)fd, F_GET_SEALS) != SEALS)
        return error_set(error, ERROR_INVALID, ENVIRONMENT_SECRETS_FD " %ld is no sealed memory file", fd);
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

/* Without stdio: its buffers would keep a copy. */
static bool write_variable(int fd, const char *name, const char *value, struct error *error)
{
    const struct iovec parts[] = {
        {(void *)(uintptr_t)name, strlen(name)},
        {(void *)(uintptr_t) "=", 1},
        {(void *)(uintptr_t)value, strlen(value) + 1}}; /* its NUL ends the variable */
    size_t bytes = parts[0].iov_len + parts[1].iov_len + parts[2].iov_len;
    if (bytes > LIMIT_SECRET_FILE_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "%s has more than %d bytes", name, LIMIT_SECRET_FILE_BYTES);
    ssize_t written = writev(fd, parts, sizeof parts / sizeof parts[0]);
    if (written < 0 || (size_t)written != bytes)
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
    if (fcntl(fd, F_ADD_SEALS, SEALS) == 0)
        return fd;
    error_set_errno(error, errno, "cannot seal the secrets");
fail:
    close(fd);
    return -1;
}
