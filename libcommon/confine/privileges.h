/* Giving up root for good. */
#ifndef LIBCOMMON_CONFINE_PRIVILEGES_H
#define LIBCOMMON_CONFINE_PRIVILEGES_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGES_VARIABLE "POSEMESH_RUN_AS"

enum { PRIVILEGES_GROUPS_MAX = 8 };

struct privileges {
    uid_t uid;
    gid_t gid;
    gid_t groups[PRIVILEGES_GROUPS_MAX]; /* supplementary */
    size_t group_count;
};

/* Parses "uid:gid[,gid...]". */
bool privileges_parse(const char *text, struct privileges *privileges, struct error *error);

/* Becomes that user, and checks that root cannot be had back. Needs root. */
bool privileges_drop(const struct privileges *privileges, struct error *error);

/*
 * No core files, no ptrace and no /proc/PID/mem by processes of the same uid, no new privileges by exec. For
 * every process of the node, before it holds a secret.
 */
bool privileges_harden(struct error *error);

/* As many descriptors as the system grants: the soft limit of 1024 is for programs that use select(). Not for
 * what starts such programs. */
void privileges_raise_descriptors(void);

#endif
