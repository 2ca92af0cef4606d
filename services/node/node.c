#include "services/node/node.h"

#include "libcommon/base/log.h"
#include "libcommon/base/text.h"
#include "libcommon/base/write_signals.h"
#include "libcommon/confine/environment.h"
#include "libcommon/confine/privileges.h"
#include "libcommon/ipc/ipc_peers.h"
#include "libcommon/loop/stop_signals.h"
#include "libcommon/node/listening_socket.h"
#include "libcommon/service/service.h"
#include "services/node/drain.h"
#include "services/node/folder_locks.h"
#include "services/node/folders.h"
#include "services/node/patience.h"
#include "services/node/preflight.h"
#include "services/node/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct node {
    struct preflight found;
    int listen_fd;
    struct stop_signals signals;
    struct patience patience; /* with what other nodes have */
    struct folder_locks locks;
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

static bool look(struct node *node, struct error *error)
{
    /* Whoever the system asks for names may not answer, and nothing was made yet: a signal just ends this. */
    sigprocmask(SIG_UNBLOCK, &node->signals.stopping, NULL);
    size_t faults = preflight_look(&node->found, false);
    sigprocmask(SIG_BLOCK, &node->signals.stopping, NULL);
    return !faults || error_set(error, ERROR_INVALID, "nothing was started: %zu %s", faults,
                                text_plural(faults, "fault", "faults"));
}

static bool lock_folders(struct node *node, struct error *error)
{
    return folder_locks_take(&node->locks, &node->found.identities, &node->found.settings, &node->patience,
                             error);
}

/* Held for as long as the node runs, so that httpd's port is nobody else's while httpd restarts. */
static bool open_listener(struct node *node, struct error *error)
{
    if (node->found.settings.registration_flow != SETTINGS_FLOW_CALLBACK)
        return true;
    do
        node->listen_fd = listening_socket_take(node->found.settings.http_listen, error);
    while (node->listen_fd < 0 && patience_wait(&node->patience, error));
    return node->listen_fd >= 0;
}

static bool make_folders(struct node *node, struct error *error)
{
    return folders_make(&node->found.identities, &node->found.settings, error);
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
        /* When a terminal closes, the kernel and the shell send SIGHUP, one after the other. */
        if (signal_number != SIGHUP)
            drain_hurry(node->drain);
        return;
    }
    node->terminating = true;
    log_info("%s: draining", strsignal(signal_number));
    drain_start(node->drain);
}

/* From no terminal: runner files are to be read anew. */
static void on_hangup(void *context, int signal_number)
{
    const struct node *node = context;
    supervisor_signal(node->supervisor, SERVICE_RUNNERD, signal_number);
}

static bool create_supervisor(struct node *node, struct error *error)
{
    struct ipc_peers peers = {{0}};
    if (!privileges_harden(error))
        return false;
    const struct supervisor_options options = {.settings = &node->found.settings,
                                               .identities = node->found.identities,
                                               .lock_fds = node->locks.fds,
                                               .secrets_fd = node->found.secrets_fd,
                                               .listen_fd = node->listen_fd};
    node->loop = loop_create(error);
    if (!node->loop || !stop_signals_add(&node->signals, node->loop, on_terminate, on_hangup, node, error))
        return false;
    node->supervisor = supervisor_create(node->loop, &options, on_services_stopped, node);
    node->ipc = ipc_create(node->loop, SERVICE_NODE, node->found.settings.runtime_dir, &peers, error);
    if (!node->ipc)
        return false;
    node->drain =
        drain_create(node->loop, node->ipc, node->found.settings.drain_grace_secs, on_drained, node, error);
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
} steps[] = {{look, SERVICE_EXIT_CONFIG},
             {lock_folders, SERVICE_EXIT_CONFIG},
             {open_listener, SERVICE_EXIT_CONFIG},
             {make_folders, SERVICE_EXIT_CONFIG},
             {create_supervisor, SERVICE_EXIT_FAILED},
             {run, SERVICE_EXIT_FAILED}};

static void run_steps(struct node *node)
{
    struct error error;
    stop_signals_block(&node->signals);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].run(node, &error))
            continue;
        if (node->patience.stopped)
            return;
        log_error("%s", error.text);
        /* A full disk may have room when the node is started again; nothing else will be another time. */
        node->exit_status = error.code == ERROR_DISK_FULL ? SERVICE_EXIT_FAILED : steps[i].exit_status;
        return;
    }
}

int node_run(char **argv)
{
    struct node node = {.found.secrets_fd = -1, .listen_fd = -1};
    node.patience = (struct patience){.signals = &node.signals, .left_ms = PATIENCE_MS};
    folder_locks_init(&node.locks);
    struct error error;
    /* Whoever starts us may have one that opens our files to all, or closes them to ourselves. */
    umask(022);
    write_signals_ignore();
    if (!seal_secrets(argv, &error)) {
        log_error("%s", error.text);
        return SERVICE_EXIT_FAILED;
    }
    run_steps(&node);
    supervisor_free(node.supervisor);
    drain_free(node.drain);
    ipc_free(node.ipc);
    loop_free(node.loop);
    preflight_clear(&node.found);
    if (node.listen_fd >= 0)
        close(node.listen_fd);
    folder_locks_release(&node.locks);
    log_info("stopped");
    log_finish();
    return node.exit_status;
}
