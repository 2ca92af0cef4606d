#include "services/node/child_environment.h"

#include "libcommon/base/memory.h"
#include "libcommon/confine/environment.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/node/settings.h"
#include "libcommon/service/last_death.h"
#include "libcommon/service/service_command.h"

#include <stdlib.h>
#include <string.h>

/* Names, or beginnings of names with a *, that every service may have. */
static const char *const common[] = {
    "PATH",           "LANG",
    "LC_*",           "TZ",
    "TMPDIR", /* any program */
    "http_proxy",     "https_proxy",
    "HTTPS_PROXY",    "all_proxy",
    "ALL_PROXY", /* as curl reads them */
    "no_proxy",       "NO_PROXY",
    "CURL_CA_BUNDLE", "SSL_CERT_FILE",
    "SSL_CERT_DIR",   "ASAN_*",
    "UBSAN_*",        "LSAN_*",
    "GCOV_*",         "POSEMESH_CRASH_AT", /* builds for tests */
};

static bool matches(const char *variable, const char *pattern)
{
    size_t length = strcspn(pattern, "*");
    if (strncmp(variable, pattern, length) != 0)
        return false;
    return pattern[length] == '*' || variable[length] == '=';
}

static bool is_common(const char *variable)
{
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        if (matches(variable, common[i]))
            return true;
    return false;
}

static bool is_read_by(const char *variable, enum service_id service)
{
    size_t length = strcspn(variable, "=");
    char *name = memory_copy_bytes(variable, length);
    bool reads = settings_is_read_by(name, 1U << service);
    free(name);
    return reads;
}

/* Takes `variable`. */
static void add(struct child_environment *environment, char *variable)
{
    environment->variables =
        memory_resize_array(environment->variables, environment->count + 2, sizeof(char *));
    environment->variables[environment->count++] = variable;
    environment->variables[environment->count] = NULL;
}

void child_environment_make(struct child_environment *environment, char *const *variables,
                            enum service_id service, const struct identities *identities, pid_t supervisor)
{
    char text[IDENTITIES_TEXT_BYTES];
    *environment = (struct child_environment){NULL, 0};
    for (char *const *variable = variables; *variable; variable++)
        if (is_common(*variable) || is_read_by(*variable, service))
            add(environment, memory_copy_text(*variable));
    identities_format_peers(identities, text);
    add(environment, memory_format("%s=%s", IPC_PEERS_VARIABLE, text));
    add(environment, memory_format("%s=%d", SERVICE_SUPERVISOR_VARIABLE, (int)supervisor));
    if (identities->separate) {
        identities_format_run_as(identities, service, text);
        add(environment, memory_format("%s=%s", PRIVILEGES_VARIABLE, text));
    }
    if (service == SERVICE_AUTHD)
        add(environment, memory_format("%s=%d", ENVIRONMENT_SECRETS_FD, CHILD_SECRETS_FD));
}

void child_environment_add_last_death(struct child_environment *environment, const char *name)
{
    add(environment, memory_format("%s=%s", LAST_DEATH_VARIABLE, name));
}

void child_environment_add_listener(struct child_environment *environment)
{
    add(environment, memory_format("%s=%d", LISTENING_SOCKET_VARIABLE, CHILD_LISTEN_FD));
}

void child_environment_clear(struct child_environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->variables[i]);
    free(environment->variables);
    *environment = (struct child_environment){NULL, 0};
}
