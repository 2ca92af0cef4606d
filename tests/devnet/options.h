/* The command line. */
#ifndef DEVNET_OPTIONS_H
#define DEVNET_OPTIONS_H

#include <stdbool.h>

#include "tests/devnet/devnet.h"

enum options_outcome { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_WRONG };

struct options {
    const char *state;
    const char *listen;
    const char *public_origin; /* what nodes reach us by, when it is not the listening address; NULL */
    const char *app_token;
    const char *registration_secret;
    const char *robot_credentials[DEVNET_ROBOTS_MOST];
    size_t robot_count;
    bool allowed[RULE_COUNT]; /* rules that are switched off */
    bool strict;
    bool quiet;
    enum devnet_flow flow;
    struct tuning tuning;
};

/* Reads argv; answers --help, --rules and --version itself (OPTIONS_DONE) and explains what is wrong on
 * stderr. */
enum options_outcome options_read(struct options *options, int argc, char **argv);

#endif
