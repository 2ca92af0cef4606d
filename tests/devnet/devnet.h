/* The one running network: what every handler may reach. */
#ifndef DEVNET_DEVNET_H
#define DEVNET_DEVNET_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/devnet/rules.h"
#include "tests/devnet/store.h"
#include "tests/devnet/tuning.h"

struct faults;

enum devnet_flow { FLOW_ANY, FLOW_CALLBACK, FLOW_WALLET, FLOW_ROBOT };

enum { DEVNET_ROBOTS_MOST = 16 };

struct devnet {
    struct store *store; /* its lock guards everything below that changes */
    struct faults *faults;
    struct tuning tuning;
    enum devnet_flow flow;
    const char *folder;
    char *app_token;
    char *registration_secret;
    char *robot_credentials[DEVNET_ROBOTS_MOST]; /* each is one robot; the first stands in devnet.env */
    size_t robot_count;
    char *origin;             /* http://127.0.0.1:PORT */
    char *trap_origin;        /* another origin, where any token is a violation */
    bool allowed[RULE_COUNT]; /* rules that are switched off */
    bool quiet;
    bool stopping;
};

/* Remembers that a node broke a rule (with the lock held), unless it is switched off. */
void devnet_record_violation(struct devnet *devnet, enum rule rule, const char *detail, const char *method,
                             const char *target, const char *task);

int64_t devnet_violations(struct devnet *devnet);
void devnet_print_violations(struct devnet *devnet);

/* Whether these are a robot's credentials. */
bool devnet_is_robot(const struct devnet *devnet, const char *credentials);

/* A text that outlives restarts (`app_token`): the given one, else the kept one, else a new one. free() it.
 */
char *devnet_keep(struct devnet *devnet, const char *name, const char *given, const char *prefix);

/* Writes devnet.env and app_token into the state folder, whole or not at all. */
bool devnet_write_environment(const struct devnet *devnet, struct error *error);

#endif
