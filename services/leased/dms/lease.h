/*
 * A lease as DMS hands it out and as heartbeats change it (docs/network.md 3.1, 3.3). Pure: decodes and
 * merges text.
 */
#ifndef LEASED_DMS_LEASE_H
#define LEASED_DMS_LEASE_H

#include "libcommon/base/error.h"
#include "libcommon/base/secret.h"
#include "libcommon/message/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease {
    char *task_id; /* as DMS names the task now */
    char *job_id;  /* NULL when there is none; so are the texts below */
    char *capability;
    char *domain_id;
    char *server_url; /* the envelope's, else task.meta's, else task.meta.legacy's */
    char *outputs_prefix;
    struct text_list inputs;
    char *task_json; /* the task object as it came last as a whole, byte for byte */
    struct secret access_token;
    bool has_expiry;
    int64_t expires_at_unix_ms;
    bool cancel;
    bool dms_is_private; /* DMS was reached at a loopback or private address; not part of its answer */
};

/* What a heartbeat's answer changed. */
struct lease_changes {
    bool token;
    bool expiry;
    bool renamed;
};

/* Decodes the envelope. On failure `lease` is cleared. End with lease_clear(). */
bool lease_decode(struct lease *lease, const char *text, size_t length, struct error *error);

/* Replaces each held field that the answer has. An empty answer changes nothing; a bad one neither, and is an
 * error. */
bool lease_merge(struct lease *lease, const char *text, size_t length, struct lease_changes *changes,
                 struct error *error);

void lease_clear(struct lease *lease);

/* The task's id in an envelope that may not be decodable otherwise; NULL when there is none. free() it. */
char *lease_peek_task_id(const char *text, size_t length);

#endif
