/* Asking a domain server what it takes at once, unless that is known (docs/network.md 4.2, GET /api/v1/info).
 */
#ifndef STORED_ARTIFACTS_UPLOAD_LIMITS_H
#define STORED_ARTIFACTS_UPLOAD_LIMITS_H

#include "services/stored/artifacts/upload_info.h"
#include "services/stored/session.h"

/* Part of whoever asks. */
struct upload_limits {
    struct session *session;
    struct domain_request *request; /* NULL: nothing is asked */
    void (*on_known)(void *context, const struct upload_info *info);
    void *context;
};

/*
 * Calls `on_known` once, at once when it is known already. A server that does not say has no limits: the
 * upload itself will tell.
 */
void upload_limits_ask(struct upload_limits *limits, struct session *session,
                       void (*on_known)(void *context, const struct upload_info *info), void *context);

/* Without on_known; harmless when nothing is asked. */
void upload_limits_cancel(struct upload_limits *limits);

#endif
