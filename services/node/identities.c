#include "services/node/identities.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool identities_choose(struct identities *identities, const char *base_text, uid_t own, struct error *error)
{
    char *end = NULL;
    unsigned long base = base_text ? strtoul(base_text, &end, 10) : IDENTITIES_BASE_DEFAULT;
    if (base_text && (*end || end == base_text || base < 1000 || base > 4000000000UL))
        return error_set(error, ERROR_INVALID,
                         IDENTITIES_BASE_VARIABLE " is '%s', expected a number from 1000 to 4000000000",
                         base_text);
    identities->separate = own == 0;
    identities->shared_gid = identities->separate ? (gid_t)base : getgid();
    for (enum service_id id = 0; id < SERVICE_COUNT; id++)
        identities->ids[id] = identities->separate ? (uid_t)(base + 1 + (unsigned)id) : own;
    return true;
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
