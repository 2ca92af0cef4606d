#include "services/node/check_config.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/files/folder_lock.h"
#include "libcommon/loop/spawn.h"
#include "libcommon/node/folder_use.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/node/settings_value.h"
#include "libcommon/service/service_command.h"
#include "services/node/child_environment.h"
#include "services/node/preflight.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Who looks at more than settings and folders: at runner files and programs. */
enum { SERVICES_TO_ASK = RUNNERD_BIT };

static bool print_fault(const struct error *error)
{
    char clean[ERROR_TEXT_BYTES];
    fflush(stdout);
    log_error("%s", text_one_line(error->text, strlen(error->text), clean, sizeof clean));
    return false;
}

/* Said, and no fault: it is this very configuration that may be running. */
static bool tell_of_running(const struct settings *settings)
{
    bool found = false;
    for (enum folder_id id = 0; id < FOLDER_LOCKED_COUNT; id++) {
        const struct folder_use use = folder_use_of(settings, id);
        pid_t holder;
        if (!folder_lock_is_taken(use.path, &holder))
            continue;
        log_info("%s %.*s is used by a posemesh-node that runs, pid %d", use.variable,
                 TEXT_CUT(use.path, 200), (int)holder);
        found = true;
    }
    return found;
}

static bool check_port(const struct settings *settings, bool runs)
{
    struct error error;
    if (settings->registration_flow != SETTINGS_FLOW_CALLBACK ||
        !settings_check_address(settings->http_listen, &error))
        return true;
    int fd = listening_socket_take(settings->http_listen, &error);
    if (fd >= 0)
        close(fd);
    else if (error.code == ERROR_CONFLICT && runs)
        log_info("HTTP_LISTEN %s is taken, by that node it seems", settings->http_listen);
    else
        return preflight_fail_port(&error) || print_fault(&error);
    return true;
}

/* In the environment and with the uid that it will have; what it finds it prints itself. */
static bool ask(enum service_id service, const struct identities *identities)
{
    static const int descriptors[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    char name[64];
    char path[PATH_MAX];
    char option[] = "--check-config";
    char *arguments[] = {path, option, NULL};
    struct child_environment environment;
    struct error error;
    pid_t pid;
    int status = 0;
    snprintf(name, sizeof name, "posemesh-%s", service_name(service));
    if (!spawn_find_beside(name, path, &error))
        return print_fault(&error);
    child_environment_make(&environment, environ, service, identities, getpid());
    int code = spawn_start(&(struct spawn){.path = path,
                                           .arguments = arguments,
                                           .variables = environment.variables,
                                           .descriptors = descriptors,
                                           .descriptor_count = 3,
                                           .folder_fd = -1},
                           &pid);
    child_environment_clear(&environment);
    if (code) {
        error_set_errno(&error, code, "cannot start %s", name);
        return print_fault(&error);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == SERVICE_EXIT_OK;
}

/* Also with a fault in the settings, which is told already: all faults are told at once. */
static bool check_places(const struct settings *settings, const struct identities *identities)
{
    struct error error;
    bool ok = check_port(settings, tell_of_running(settings));
    if (!identities)
        return false;
    ok = preflight_folders(identities, settings, &error) && ok;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        if (SERVICES_TO_ASK & (1U << id))
            ok = ask(id, identities) && ok;
    return ok;
}

int node_check_config(void)
{
    struct settings settings = {.runtime_dir = NULL};
    struct identities identities;
    struct error error;
    int secrets_fd = -1;
    bool ok = preflight_settings(&settings, &secrets_fd, true, &error);
    bool identities_ok = preflight_identities(&identities, &error) || print_fault(&error);
    if (settings.runtime_dir)
        ok = check_places(&settings, identities_ok ? &identities : NULL) && ok;
    settings_clear(&settings);
    if (secrets_fd >= 0)
        close(secrets_fd);
    puts(ok ? "node: the configuration is good" : "node: nothing would be started");
    return ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}
