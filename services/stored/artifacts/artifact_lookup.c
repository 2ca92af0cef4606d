#include "services/stored/artifacts/artifact_lookup.h"

#include "services/stored/artifacts/data_path.h"
#include "services/stored/domain/domain_answer.h"

#include <stdlib.h>

/* Runs for each try: the id of an earlier one counts no more. */
static bool check_found(void *context, const struct http_response *response, struct error *error)
{
    struct artifact_lookup *lookup = context;
    free(lookup->id);
    return domain_answer_find(response, lookup->name->name, lookup->name->data_type, &lookup->id, error);
}

static void on_answered(void *context, const struct http_response *response, const struct error *failure)
{
    struct artifact_lookup *lookup = context;
    char *id = lookup->id;
    (void)response;
    lookup->request = NULL;
    lookup->id = NULL;
    lookup->on_done(lookup->context, failure ? NULL : id, failure);
    free(id);
}

void artifact_lookup_start(struct artifact_lookup *lookup, struct domain_access *access,
                           const char *data_path, const struct artifact_name *name,
                           artifact_lookup_done *on_done, void *context)
{
    char *path = data_path_of_name(data_path, name->name, name->data_type);
    *lookup = (struct artifact_lookup){.name = name, .on_done = on_done, .context = context};
    lookup->request = domain_request_send(access, &(struct domain_request_spec){.method = "GET",
                                                                                .path = path,
                                                                                .accept = "application/json",
                                                                                .check = check_found,
                                                                                .on_done = on_answered,
                                                                                .context = lookup});
    free(path);
}

void artifact_lookup_cancel(struct artifact_lookup *lookup)
{
    domain_request_cancel(lookup->request);
    lookup->request = NULL;
    free(lookup->id);
    lookup->id = NULL;
}
