/*
 * posemesh-node: the whole node in the foreground on one host. Runs the five services, each with the
 * variables that it reads and nothing else; SIGTERM, Ctrl-C or a terminal that closes drains, then stops them
 * in order.
 *
 * SECURITY: started with the secrets in its environment, it moves them into a sealed memory file at once and
 * only hands that descriptor to authd. Isolation between the services needs root, for uids of their own.
 */
#include "libcommon/base/log.h"
#include "libcommon/base/standard_descriptors.h"
#include "libcommon/base/usage.h"
#include "libcommon/node/service_id.h"
#include "libcommon/node/settings_help.h"
#include "services/node/check_config.h"
#include "services/node/health.h"
#include "services/node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: posemesh-node [--health | --check-config | --version | --help]\n";

static int print_help(void)
{
    printf("%s\nRuns the whole node in the foreground. SIGTERM, Ctrl-C or a terminal that\n"
           "closes drains and stops it; a second signal hurries.\n"
           "\n  --health        ask all services; exit 0 when they are ready, 1 and why when"
           "\n                  not, 69 when none runs, 77 when you may not ask"
           "\n  --check-config  check all that a start needs; exit 0, or 78 with every fault\n\n",
           usage);
    settings_help_print(stdout, ALL_BITS);
    return 0;
}

static int print_version(void)
{
    printf("posemesh-node %s\n", POSEMESH_VERSION);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} options[] = {{"--health", node_health},
               {"--check-config", node_check_config},
               {"--version", print_version},
               {"--help", print_help},
               {"-h", print_help}};

int main(int argc, char **argv)
{
    if (!standard_descriptors_open())
        return EXIT_FAILURE;
    log_configure("node", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    if (argc == 1)
        return node_run(argv);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(argv[1], options[i].name) == 0)
            return argc == 2 ? options[i].run() : usage_refuse_more("posemesh-node", argv[2]);
    return usage_refuse("posemesh-node", argv[1]);
}
