/* Looking for an artifact's data at the domain server by its name and type (docs/network.md 4.2). */
#ifndef STORED_ARTIFACTS_ARTIFACT_LOOKUP_H
#define STORED_ARTIFACTS_ARTIFACT_LOOKUP_H

#include "services/stored/artifacts/artifact_name.h"
#include "services/stored/domain/domain_request.h"

/* `id` is borrowed; NULL: the server has none, or `failure` tells why that is not known. */
typedef void artifact_lookup_done(void *context, const char *id, const struct error *failure);

/* Part of whoever looks. All zero: nothing is asked. */
struct artifact_lookup {
    const struct artifact_name *name;
    struct domain_request *request; /* NULL: nothing is asked */
    char *id;                       /* that the latest try has found */
    artifact_lookup_done *on_done;
    void *context;
};

/* `name` is borrowed until the end; `on_done` comes in a later turn. */
void artifact_lookup_start(struct artifact_lookup *lookup, struct domain_access *access,
                           const char *data_path, const struct artifact_name *name,
                           artifact_lookup_done *on_done, void *context);

/* Without on_done; harmless when nothing is asked. */
void artifact_lookup_cancel(struct artifact_lookup *lookup);

#endif
