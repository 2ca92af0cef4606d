/* Who the processes are to the kernel: read from POSEMESH_SERVICE_UIDS, which posemesh-node (or a unit file)
 * sets. */
#ifndef LIBCOMMON_IPC_IPC_PEERS_H
#define LIBCOMMON_IPC_IPC_PEERS_H

#include "libcommon/base/error.h"
#include "libcommon/node/operations.h"

#include <stdbool.h>
#include <sys/types.h>

#define IPC_PEERS_VARIABLE "POSEMESH_SERVICE_UIDS"

struct ipc_peers {
    uid_t uids[SERVICE_NODE + 1];
};

/*
 * Parses "authd=64801,stored=64802,..."; services that it does not name, and all when `text` is NULL, have
 * the uid `own`. Unknown names are ignored.
 */
bool ipc_peers_parse(const char *text, uid_t own, struct ipc_peers *peers, struct error *error);

/* Whether `uid` may connect to a socket of `role`: the callers', the owner's own (for --health), and root. */
bool ipc_peers_allow(const struct ipc_peers *peers, enum role role, uid_t uid);

#endif
