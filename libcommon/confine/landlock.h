/*
 * Landlock, the kernel's way for a process to give up access to files, TCP ports and other processes for
 * good: what no rule grants is refused afterwards. glibc has no wrappers, and Debian 12's headers end before
 * the parts that newer kernels have; what a kernel lacks is left out.
 */
#ifndef LIBCOMMON_CONFINE_LANDLOCK_H
#define LIBCOMMON_CONFINE_LANDLOCK_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum landlock_grant {
    LANDLOCK_READ,    /* read files and list folders */
    LANDLOCK_SOCKETS, /* make and remove folders and sockets */
    LANDLOCK_FILES, /* all that regular files and folders need; no links, devices, FIFOs, and no executing */
};

struct landlock {
    int fd;
    int version; /* of the kernel's Landlock; below LANDLOCK_VERSION_MIN nothing is done */
    bool ports;  /* TCP ports need grants, too */
    int reason;  /* of version 0, an errno: ENOSYS the kernel has none, EOPNOTSUPP it is turned off */
};

enum { LANDLOCK_VERSION_MIN = 2, LANDLOCK_VERSION_PORTS = 4 };

/* Begins a set of rules. `version` is below LANDLOCK_VERSION_MIN when the kernel has no use for them: grants
 * and landlock_enforce() do nothing then. With `ports`, TCP ports need grants too, where the kernel can. */
bool landlock_begin(struct landlock *landlock, bool ports, struct error *error);

/* Grants access to a file, or to all below a folder. One that is not there is no error: nothing to grant. */
bool landlock_grant_path(const struct landlock *landlock, const char *path, enum landlock_grant grant,
                         struct error *error);

/* Grants TCP connections to a port, on whatever host. Only after landlock_begin() with `ports`. */
bool landlock_grant_connect(const struct landlock *landlock, uint16_t port, struct error *error);

/* From here on, for this thread and all that it starts. Needs no_new_privs. */
bool landlock_enforce(const struct landlock *landlock, struct error *error);

void landlock_end(struct landlock *landlock);

#endif
