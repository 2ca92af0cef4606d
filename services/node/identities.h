/*
 * Which user each service runs as. Started as root: a uid and gid of its own for each, counted from
 * POSEMESH_UID_BASE; started as anybody else: all run as that user, and nothing isolates them from each
 * other.
 */
#ifndef NODE_IDENTITIES_H
#define NODE_IDENTITIES_H

#include "libcommon/node/service_id.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define IDENTITIES_BASE_VARIABLE "POSEMESH_UID_BASE"

enum { IDENTITIES_BASE_DEFAULT = 64800, IDENTITIES_TEXT_BYTES = 160 };

struct identities {
    bool separate;            /* each service has its own */
    uid_t ids[SERVICE_COUNT]; /* uid and gid alike */
    gid_t shared_gid;         /* of all five services, and of no job */
};

/* `base` is POSEMESH_UID_BASE, `own` the user that posemesh-node runs as. */
void identities_choose(struct identities *identities, int64_t base, uid_t own);

/* The value of POSEMESH_RUN_AS for a service. */
void identities_format_run_as(const struct identities *identities, enum service_id service,
                              char out[IDENTITIES_TEXT_BYTES]);

/* The value of POSEMESH_SERVICE_UIDS. */
void identities_format_peers(const struct identities *identities, char out[IDENTITIES_TEXT_BYTES]);

#endif
