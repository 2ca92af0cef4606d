/*
 * posemesh-node: the whole node in the foreground on one host. Runs the five services, each with the
 * variables that it reads and nothing else; SIGTERM or Ctrl-C drains, then stops them in order.
 *
 * SECURITY: started with the secrets in its environment, it moves them into a sealed memory file at once and
 * only hands that descriptor to authd. Isolation between the services needs root, for uids of their own.
 */
#include "libcommon/base/log.h"
#include "libcommon/base/usage.h"
#include "libcommon/node/service_id.h"
#include "libcommon/node/settings_help.h"
#include "services/node/node.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: posemesh-node [--check-config | --version | --help]\n";

static int print_help(void)
{
    printf("%s\nRuns the whole node in the foreground. SIGTERM or Ctrl-C drains and stops it; a\n"
           "second one hurries.\n"
           "\n  --check-config  check the environment; exit 0, or 78 with every fault\n\n",
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
} options[] = {{"--check-config", node_check_config}, {"--version", print_version}, {"--help", print_help}};

int main(int argc, char **argv)
{
    log_configure("node", LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    if (argc == 1)
        return node_run(argv);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(argv[1], options[i].name) == 0)
            return argc == 2 ? options[i].run() : usage_refuse("posemesh-node", argv[2]);
    return usage_refuse("posemesh-node", argv[1]);
}
