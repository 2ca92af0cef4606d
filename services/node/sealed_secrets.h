/*
 * posemesh-node starts with the secrets in its environment, where /proc shows them. It moves them into a
 * sealed memory file and executes itself again without them.
 */
#ifndef NODE_SEALED_SECRETS_H
#define NODE_SEALED_SECRETS_H

#include "libcommon/base/error.h"

#include <stdbool.h>

/* Returns true when the environment is clean already; executes the program anew when it is not (and then does
 * not return). */
bool sealed_secrets_leave_environment(char **argv, struct error *error);

#endif
