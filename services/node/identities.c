#include "services/node/identities.h"

#include <stdio.h>
#include <unistd.h>

void identities_choose(struct identities *identities, int64_t base, uid_t own)
{
    identities->separate = own == 0;
    identities->shared_gid = identities->separate ? (gid_t)base : getgid();
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        identities->ids[id] = identities->separate ? (uid_t)(base + 1 + (int64_t)id) : own;
}

void identities_format_run_as(const struct identities *identities, enum service_id service,
                              char out[IDENTITIES_TEXT_BYTES])
{
    unsigned id = (unsigned)identities->ids[service];
    /* stored and the runner host share workspaces, through the runner host's group. */
    if (service == SERVICE_STORED)
        snprintf(out, IDENTITIES_TEXT_BYTES, "%u:%u,%u,%u", id, id, (unsigned)identities->shared_gid,
                 (unsigned)identities->ids[SERVICE_RUNNERD]);
    else
        snprintf(out, IDENTITIES_TEXT_BYTES, "%u:%u,%u", id, id, (unsigned)identities->shared_gid);
}

void identities_format_peers(const struct identities *identities, char out[IDENTITIES_TEXT_BYTES])
{
    size_t used = 0;
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        used += (size_t)snprintf(out + used, IDENTITIES_TEXT_BYTES - used, "%s%s=%u", id ? "," : "",
                                 service_name(id), (unsigned)identities->ids[id]);
}
