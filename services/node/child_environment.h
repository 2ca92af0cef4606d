/* What a service gets of posemesh-node's environment: its own settings, what every program needs, and who it
 * is. Pure. */
#ifndef NODE_CHILD_ENVIRONMENT_H
#define NODE_CHILD_ENVIRONMENT_H

#include "libcommon/node/folder_use.h"
#include "services/node/identities.h"

struct child_environment {
    char **variables; /* owned, NULL-terminated */
    size_t count;
};

/* Behind what every program has come the locks of the node's folders (folder_locks.h), the runtime folder's
 * again for those that the service does not use, and then what a service alone is handed. */
enum {
    CHILD_LOCKS_FD = 3,
    CHILD_SECRETS_FD = CHILD_LOCKS_FD + FOLDER_LOCKED_COUNT,
    CHILD_LISTEN_FD = CHILD_SECRETS_FD
};

/* `variables` is posemesh-node's environment. authd is told that sealed secrets are at CHILD_SECRETS_FD. */
void child_environment_make(struct child_environment *environment, char *const *variables,
                            enum service_id service, const struct identities *identities, pid_t supervisor);

/* How the run before ended, when that is to be counted (libcommon/service/last_death.h). */
void child_environment_add_last_death(struct child_environment *environment, const char *name);

/* For httpd: HTTP_LISTEN's socket is at CHILD_LISTEN_FD (libcommon/node/listening_socket.h). */
void child_environment_add_listener(struct child_environment *environment);
void child_environment_clear(struct child_environment *environment);

#endif
