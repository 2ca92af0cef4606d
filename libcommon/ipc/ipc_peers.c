#include "libcommon/ipc/ipc_peers.h"

#include "libcommon/base/text.h"

#include <stdlib.h>
#include <string.h>

static bool parse_pair(const char *pair, size_t length, struct ipc_peers *peers, struct error *error)
{
    const char *equals = memchr(pair, '=', length);
    char *end = NULL;
    unsigned long uid = equals ? strtoul(equals + 1, &end, 10) : 0;
    /* strtoul would also take a sign and white space. */
    if (!equals || !text_is_digit(equals[1]) || end != pair + length || uid >= (uid_t)-1)
        return error_set(error, ERROR_INVALID, IPC_PEERS_VARIABLE " has '%.*s', expected service=uid",
                         (int)length, pair);
    for (enum service_id id = 0; id <= SERVICE_NODE; id++) {
        const char *name = service_name(id);
        if (strlen(name) == (size_t)(equals - pair) && strncmp(name, pair, strlen(name)) == 0)
            peers->uids[id] = (uid_t)uid;
    }
    return true;
}

bool ipc_peers_parse(const char *text, uid_t own, struct ipc_peers *peers, struct error *error)
{
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        peers->uids[id] = own;
    while (text && *text) {
        const char *end = strchrnul(text, ',');
        if (!parse_pair(text, (size_t)(end - text), peers, error))
            return false;
        text = *end ? end + 1 : end;
    }
    return true;
}

bool ipc_peers_allow(const struct ipc_peers *peers, enum role role, uid_t uid)
{
    const struct role_info *info = &role_infos[role];
    if (uid == 0 || uid == peers->uids[info->owner])
        return true;
    for (enum service_id id = 0; id <= SERVICE_NODE; id++)
        if (info->callers & (1U << id) && peers->uids[id] == uid)
            return true;
    return false;
}
