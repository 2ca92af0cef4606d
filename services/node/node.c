#include "services/node/node.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/base/write_signals.h"
#include "libcommon/confine/environment.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/http/url.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/service/service.h"
#include "services/node/drain.h"
#include "services/node/folders.h"
#include "services/node/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORT_PATIENCE_MS = 5000, PORT_RETRY_MS = 100 };

struct node {
    struct settings settings;
    struct identities identities;
    int secrets_fd;
    int listen_fd;
    struct loop *loop;
    struct ipc *ipc;
    struct supervisor *supervisor;
    struct drain *drain;
    bool terminating;
    int exit_status;
};

/* --- the start sequence --- */

/*
 * posemesh-node starts with the secrets in its environment, where /proc shows them. It moves them into a
 * sealed memory file and executes itself again without them; returns true when they are gone already.
 */
static bool seal_secrets(char **argv, struct error *error)
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

static bool check_settings(struct node *node, struct error *error)
{
    struct environment environment;
    struct settings_findings findings;
    if (!environment_open(&environment, environ, error))
        return false;
    node->secrets_fd = environment.sealed_fd;
    /* The union of what all services read; the secrets are looked at and wiped again. */
    bool ok = settings_load(&node->settings, ALL_BITS, url_is_http, &environment, &findings);
    settings_wipe_secrets(&node->settings);
    environment_close(&environment);
    settings_configure_log(&node->settings, SERVICE_NODE);
    settings_log_findings(&findings);
    if (!ok)
        return error_set(error, ERROR_INVALID, "nothing was started: %zu fault%s in the configuration",
                         findings.faults.count, findings.faults.count == 1 ? "" : "s");
    return true;
}

static bool choose_identities(struct node *node, struct error *error)
{
    if (!identities_choose(&node->identities, getenv(IDENTITIES_BASE_VARIABLE), geteuid(), error))
        return false;
    if (!node->identities.separate)
        log_warn(
            "not started as root: all services run as uid %u, so nothing isolates the key from the others",
            (unsigned)geteuid());
    return true;
}

/* Held for as long as the node runs, so that httpd's port is nobody else's while httpd restarts. */
static bool open_listener(struct node *node, struct error *error)
{
    if (node->settings.registration_flow != SETTINGS_FLOW_CALLBACK)
        return true;
    int left_ms = PORT_PATIENCE_MS;
    while ((node->listen_fd = listening_socket_take(node->settings.http_listen, error)) < 0 &&
           error->code == ERROR_CONFLICT && left_ms > 0) {
        if (left_ms == PORT_PATIENCE_MS)
            log_info("%s: the httpd of a node that was killed may be about to end", error->text);
        poll(NULL, 0, PORT_RETRY_MS);
        left_ms -= PORT_RETRY_MS;
    }
    return node->listen_fd >= 0;
}

static bool make_folders(struct node *node, struct error *error)
{
    return folders_make(&node->identities, &node->settings, error);
}

static void on_services_stopped(void *context, int exit_status)
{
    struct node *node = context;
    node->exit_status = exit_status;
    loop_stop(node->loop);
}

static void on_drained(void *context)
{
    struct node *node = context;
    supervisor_stop(node->supervisor);
}

static void on_terminate(void *context, int signal_number)
{
    struct node *node = context;
    if (node->terminating) {
        drain_hurry(node->drain);
        return;
    }
    node->terminating = true;
    log_info("%s: draining", strsignal(signal_number));
    drain_start(node->drain);
}

static bool create_supervisor(struct node *node, struct error *error)
{
    struct ipc_peers peers = {{0}};
    if (!privileges_harden(error))
        return false;
    const struct supervisor_options options = {.runtime_dir = node->settings.runtime_dir,
                                               .identities = node->identities,
                                               .secrets_fd = node->secrets_fd,
                                               .listen_fd = node->listen_fd};
    node->loop = loop_create(error);
    if (!node->loop || !loop_signal_add(node->loop, SIGTERM, on_terminate, node, error) ||
        !loop_signal_add(node->loop, SIGINT, on_terminate, node, error))
        return false;
    node->supervisor = supervisor_create(node->loop, &options, on_services_stopped, node);
    node->ipc = ipc_create(node->loop, SERVICE_NODE, node->settings.runtime_dir, &peers, error);
    if (!node->ipc)
        return false;
    node->drain =
        drain_create(node->loop, node->ipc, node->settings.drain_grace_secs, on_drained, node, error);
    return node->drain != NULL;
}

static bool run(struct node *node, struct error *error)
{
    log_info("posemesh-node %s, pid %d", POSEMESH_VERSION, (int)getpid());
    return log_start_writer(error) && supervisor_start(node->supervisor, error) &&
           loop_run(node->loop, error);
}

static const struct {
    bool (*run)(struct node *node, struct error *error);
    int exit_status; /* when it fails */
} steps[] = {{check_settings, SERVICE_EXIT_CONFIG},    {choose_identities, SERVICE_EXIT_CONFIG},
             {open_listener, SERVICE_EXIT_CONFIG},     {make_folders, SERVICE_EXIT_FAILED},
             {create_supervisor, SERVICE_EXIT_FAILED}, {run, SERVICE_EXIT_FAILED}};

int node_run(char **argv)
{
    struct node node = {.secrets_fd = -1, .listen_fd = -1};
    struct error error;
    /* Whoever starts us may have one that opens our files to all, or closes them to ourselves. */
    umask(022);
    write_signals_ignore();
    if (!seal_secrets(argv, &error)) {
        log_error("%s", error.text);
        return SERVICE_EXIT_FAILED;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].run(&node, &error))
            continue;
        log_error("%s", error.text);
        node.exit_status = steps[i].exit_status;
        break;
    }
    supervisor_free(node.supervisor);
    drain_free(node.drain);
    ipc_free(node.ipc);
    loop_free(node.loop);
    settings_clear(&node.settings);
    if (node.listen_fd >= 0)
        close(node.listen_fd);
    log_info("stopped");
    log_finish();
    return node.exit_status;
}

int node_check_config(void)
{
    struct node node = {.secrets_fd = -1, .listen_fd = -1};
    struct error error;
    bool ok = check_settings(&node, &error);
    settings_clear(&node.settings);
    char clean[ERROR_TEXT_BYTES];
    puts(ok ? "node: the configuration is good"
            : text_one_line(error.text, strlen(error.text), clean, sizeof clean));
    return ok ? SERVICE_EXIT_OK : SERVICE_EXIT_CONFIG;
}
