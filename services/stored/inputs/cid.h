/*
 * CIDs: how a task names its inputs (docs/network.md 4.1). Whatever a CID's own origin, it is read for ids
 * and filters only; the request made of it always goes to the lease's domain server.
 */
#ifndef STORED_INPUTS_CID_H
#define STORED_INPUTS_CID_H

#include "libcommon/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct cid_query {
    char *domain;
    char **ids;
    size_t id_count;
    char *name;      /* NULL when not given */
    char *data_type; /* NULL when not given */
    bool foreign;    /* an absolute CID of another origin than the lease's: worth a warning */
};

/*
 * Reads `cid` against the lease's base URL and domain. False when it is empty, no URL, names nothing to read
 * (it would read a whole domain) or has an id of "." or ".."; `query` is then empty.
 */
bool cid_parse(const char *cid, const char *lease_base, const char *lease_domain, struct cid_query *query,
               struct error *error);
void cid_query_clear(struct cid_query *query);

/* "api/v1/domains/{domain}/data?ids=...&name=...&data_type=...", encoded, for url_join() behind the lease's
 * base. free() it. */
char *cid_request_path(const struct cid_query *query);

#endif
