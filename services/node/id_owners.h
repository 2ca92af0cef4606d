/* Whose uids and gids the services take: nobody else's. */
#ifndef NODE_ID_OWNERS_H
#define NODE_ID_OWNERS_H

#include "libcommon/base/error.h"
#include "services/node/identities.h"

/* The name of a user, or of a group, that has the number; NULL: nobody has, or
 * `errno` says why that is not known, which is warned of. */
typedef const char *id_owner_function(unsigned id);

struct id_owners {
    id_owner_function *user;
    id_owner_function *group;
};

/* What the system knows: /etc/passwd, /etc/group and whatever else nsswitch.conf names. */
extern const struct id_owners id_owners_system;

/* Names that begin with "posemesh" are ours. Without separate identities nothing is taken. */
bool id_owners_check(const struct identities *identities, const struct id_owners *owners,
                     struct error *error);

#endif
