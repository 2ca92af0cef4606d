/* What people and tests may tune, on the command line and at run time (POST /admin/settings): one table of
 * numbers. */
#ifndef DEVNET_TUNING_H
#define DEVNET_TUNING_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "libcommon/base/error.h"

struct tuning {
    int64_t lease_ttl_ms;
    int64_t access_token_ttl_ms;
    int64_t domain_token_ttl_ms;
    int64_t nonce_ttl_ms;
    int64_t rotate_domain_token; /* 0: when half of its time is gone; 1: with every heartbeat */
    int64_t part_size_bytes;
    int64_t request_max_bytes;
    int64_t multipart; /* 0: answered 404, as a server without it does */
    int64_t callback;  /* 0: registrations are accepted and never called back */
    int64_t callback_delay_ms;
    int64_t health_interval_ms;
    int64_t race_grace_ms; /* how long a node may act on what an answer under way has just changed */
    int64_t
        restarts_allowed; /* 1: for tests that kill services: client ids and stale tokens are not judged */
    int64_t free_artifact_names; /* 1: for runners that set names or data types of their own */
};

void tuning_init(struct tuning *tuning);

/* The number behind a name ("lease_ttl_ms"), NULL when there is none. */
int64_t *tuning_find(struct tuning *tuning, const char *name);

json_t *tuning_json(const struct tuning *tuning);

/* Takes over a JSON object's numbers (true and false count as 1 and 0); all or nothing. */
bool tuning_apply(struct tuning *tuning, const json_t *changes, struct error *error);

#endif
