/* What can be found out before anything is made or started: that the start can never succeed. */
#ifndef NODE_PREFLIGHT_H
#define NODE_PREFLIGHT_H

#include "libcommon/node/folder_use.h"
#include "services/node/identities.h"

#include <stdbool.h>

struct preflight {
    struct settings settings; /* of all services */
    struct identities identities;
    int secrets_fd;       /* where sealed secrets are; -1: nowhere */
    unsigned bad_folders; /* bits of folder_id, of those that are at fault */
};

/*
 * Looks at settings, uids and folders, logs a sentence for each fault, and returns how many there are: for
 * `people` in text whatever LOG_FORMAT says. The secrets are looked at and wiped again. Whatever it returns,
 * the caller ends with preflight_clear().
 */
size_t preflight_look(struct preflight *found, bool people);

void preflight_clear(struct preflight *found);

#endif
