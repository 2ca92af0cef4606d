/* The folders of a node are its own: while one has them, no other starts. */
#ifndef NODE_FOLDER_LOCKS_H
#define NODE_FOLDER_LOCKS_H

#include "libcommon/node/folder_use.h"
#include "services/node/identities.h"
#include "services/node/patience.h"

#include <stdbool.h>

/* A service inherits those of the folders that it uses: what is left of a node that was killed keeps them. */
struct folder_locks {
    int fds[FOLDER_LOCKED_COUNT]; /* the folders themselves; -1: not opened */
};

void folder_locks_init(struct folder_locks *locks);

/*
 * Makes the runtime, state and work folder where they are missing and locks each, before anything else in
 * them is touched; then looks whether a service that was started by itself is at work in them. Waits as long
 * as `patience` has. The error is a sentence with folder, pid, variable and remedy.
 */
bool folder_locks_take(struct folder_locks *locks, const struct identities *identities,
                       const struct settings *settings, struct patience *patience, struct error *error);

/* What is left to other processes stays locked until they are gone. */
void folder_locks_release(struct folder_locks *locks);

#endif
