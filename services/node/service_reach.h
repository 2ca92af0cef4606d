/* Whether each service, under the uid that it will have, gets to its folders. */
#ifndef NODE_SERVICE_REACH_H
#define NODE_SERVICE_REACH_H

#include "libcommon/node/folder_use.h"
#include "services/node/identities.h"

#include <stdbool.h>

/*
 * Looks from processes of those uids, which end again; so call it before the first thread. Changes nothing.
 * The sentence is about the first service that does not get there.
 */
bool service_reach_check(const struct identities *identities, const struct settings *settings,
                         enum folder_id id, struct error *error);

#endif
