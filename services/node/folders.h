/* The folders of sockets and workspaces, with the owners and modes that isolation needs. */
#ifndef NODE_FOLDERS_H
#define NODE_FOLDERS_H

#include "libcommon/node/settings.h"
#include "services/node/identities.h"

#include <stdbool.h>

/*
 * Makes POSEMESH_RUNTIME_DIR with one folder for each role, owned by the service, entered by the group of its
 * caller, POSEMESH_WORK_DIR, and in POSEMESH_STATE_DIR a folder for each service that keeps something. For a
 * user without root all folders are that user's alone. As root, a folder that is somebody else's or open to
 * all is refused (ERROR_FORBIDDEN); what they lie in was looked at with the settings.
 */
bool folders_make(const struct identities *identities, const struct settings *settings, struct error *error);

/* Such a folder of `uid`, made with all that is above it where it is missing, and opened: with a mode by
 * which services get to what lies in it, since the start may end before folders_make(). -1 when it cannot be
 * the node's: it is somebody else's, or others could have put another in its place. */
int folders_open(const struct identities *identities, const char *path, uid_t uid, struct error *error);

#endif
