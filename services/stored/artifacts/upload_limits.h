/* Asking a domain server what it takes at once, unless that is known (docs/network.md 4.2, GET /api/v1/info).
 */
#ifndef STORED_ARTIFACTS_UPLOAD_LIMITS_H
#define STORED_ARTIFACTS_UPLOAD_LIMITS_H

#include "services/stored/artifacts/upload_info.h"
#include "services/stored/domain/domain_request.h"

/* Part of whoever asks. All zero: nothing is asked. */
struct upload_limits {
    struct domain_access *access;
    struct upload_info_cache *infos;
    struct domain_request *request; /* NULL: nothing is asked */
    void (*on_known)(void *context, const struct upload_info *info);
    void *context;
};

/*
 * Calls `on_known` once, at once when `infos` has the answer. A server that does not say has no limits: the
 * upload itself will tell. Both are borrowed until then.
 */
void upload_limits_ask(struct upload_limits *limits, struct domain_access *access,
                       struct upload_info_cache *infos,
                       void (*on_known)(void *context, const struct upload_info *info), void *context);

/* Without on_known; harmless when nothing is asked. */
void upload_limits_cancel(struct upload_limits *limits);

#endif
