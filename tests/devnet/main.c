/* posemesh-devnet: options, state, listeners, until a signal. */
#include "libcommon/base/memory.h"
#include "libcommon/base/usage.h"
#include "tests/devnet/devnet.h"
#include "tests/devnet/faults.h"
#include "tests/devnet/options.h"
#include "tests/devnet/outbound.h"
#include "tests/devnet/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_VIOLATIONS = 3 };

static bool make_folder(const char *parent, const char *name, struct error *error)
{
    char *path = memory_format("%s%s%s", parent, *name ? "/" : "", name);
    bool made = mkdir(path, 0700) == 0 || errno == EEXIST;

    if (!made)
        error_set_errno(error, errno, "cannot make the folder %s", path);
    free(path);
    return made;
}

static bool open_state(struct devnet *devnet, const struct options *options, struct error *error)
{
    if (!make_folder(options->state, "", error) || !make_folder(options->state, "incoming", error) ||
        !make_folder(options->state, "data", error) || !make_folder(options->state, "parts", error))
        return false;
    devnet->store = store_open(options->state, error);
    if (!devnet->store)
        return false;
    devnet->app_token = devnet_keep(devnet, "app_token", options->app_token, "app-");
    devnet->registration_secret =
        devnet_keep(devnet, "registration_secret", options->registration_secret, "devnet-");
    devnet->robot_credentials[0] =
        devnet_keep(devnet, "robot_credentials", options->robot_credentials[0], "robot-");
    devnet->robot_count = options->robot_count > 1 ? options->robot_count : 1;
    for (size_t i = 1; i < devnet->robot_count; i++)
        devnet->robot_credentials[i] = memory_copy_text(options->robot_credentials[i]);
    return true;
}

static bool begin_listening(struct devnet *devnet, const struct options *options, struct server **server,
                            struct error *error)
{
    *server = server_start(devnet, options->listen, error);
    if (!*server)
        return false;
    if (options->public_origin)
        memory_replace_text(&devnet->origin, options->public_origin);
    if (!devnet_write_environment(devnet, error))
        return false;
    printf("posemesh-devnet listens at %s (%s/devnet.env)\n", devnet->origin, devnet->folder);
    fflush(stdout);
    return true;
}

static void close_state(struct devnet *devnet)
{
    faults_free(devnet->faults);
    store_close(devnet->store);
    free(devnet->app_token);
    free(devnet->registration_secret);
    for (size_t i = 0; i < devnet->robot_count; i++)
        free(devnet->robot_credentials[i]);
    free(devnet->origin);
    free(devnet->trap_origin);
}

static void stop(struct devnet *devnet, struct server *server, struct outbound *outbound)
{
    if (devnet->store) {
        store_lock(devnet->store);
        devnet->stopping = true;
        store_changed(devnet->store);
        store_unlock(devnet->store);
    }
    outbound_stop(outbound);
    server_stop(server);
}

/* Before any thread exists, so that the signals reach sigwait() alone. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct options options;
    struct devnet devnet = {0};
    struct server *server = NULL;
    struct outbound *outbound = NULL;
    struct error error = {0};
    sigset_t signals;
    int status = EXIT_SUCCESS, signal_number;
    enum options_outcome outcome = options_read(&options, argc, argv);

    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE ? EXIT_SUCCESS : USAGE_EXIT;
    devnet = (struct devnet){.folder = options.state,
                             .tuning = options.tuning,
                             .flow = options.flow,
                             .quiet = options.quiet,
                             .faults = faults_create()};
    memcpy(devnet.allowed, options.allowed, sizeof(devnet.allowed));

    block_signals(&signals);
    if (open_state(&devnet, &options, &error) && begin_listening(&devnet, &options, &server, &error)) {
        outbound = outbound_start(&devnet);
        sigwait(&signals, &signal_number);
    } else {
        fprintf(stderr, "posemesh-devnet: %s\n", error.text);
        status = EXIT_FAILURE;
    }
    stop(&devnet, server, outbound);
    if (status == EXIT_SUCCESS && options.strict && devnet_violations(&devnet) > 0) {
        devnet_print_violations(&devnet);
        status = EXIT_VIOLATIONS;
    }
    close_state(&devnet);
    return status;
}
