/*
 * One session: what stored has for one lease. It owns its workspace, its way to the domain server, and every
 * transfer made for it. Sessions are opened and closed by sessions.h.
 */
#ifndef STORED_SESSION_SESSION_H
#define STORED_SESSION_SESSION_H

#include "libcommon/node/messages.h"
#include "services/stored/artifacts/artifact_collection.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/inputs/inputs.h"
#include "services/stored/journal/journal.h"
#include "services/stored/session/lease_expiry.h"
#include "services/stored/workspace/removal_queue.h"
#include "services/stored/workspace/workspace.h"
#include "services/stored/workspace/workspace_watch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* What all sessions share. */
struct session_setup {
    struct domain_client client;
    struct journal *journal;
    struct transfers transfers;
    struct work_dir work_dir;
    struct removal_queue *removals;
    struct workspace_watch *watch;
    int64_t workspace_max_bytes; /* 0: no limit */
    bool allow_private_servers;  /* wherever DMS is */
    struct upload_policy uploads;
    /* Every few seconds from the moment on that a workspace holds more than it may. */
    void (*on_overrun)(void *context, const char *task_id, int64_t used_bytes, int64_t limit_bytes);
    void *context;
};

struct session {
    struct session_setup *setup;
    struct message_session_open opened; /* as leased said it, but that the token is in `access` */
    struct log_task log;
    struct domain_access access;
    struct lease_expiry expiry;
    struct workspace workspace;
    struct watched_workspace *watched; /* NULL: there is no limit */
    struct inputs *inputs;
    struct artifacts *artifacts;
    struct artifact_collection collection;
    bool cancelled; /* no transfer may begin any more, for this reason */
    struct error cancel_reason;
    LIST_ENTRY(session) link; /* for sessions.h */
};

/* Of what `opened` says, without workspace. `setup` is borrowed. */
struct session *session_create(struct session_setup *setup, const struct message_session_open *opened);

/* Frees it without answers to anybody and without telling the server: the next stored resumes it. */
void session_free(struct session *session);

/*
 * Makes its workspace and its way to the server. What an earlier attempt at the same task left is moved aside
 * and removed. ERROR_INVALID for a server_url that cannot be used, and what making folders fails with.
 */
bool session_begin(struct session *session, struct error *error);

/* As session_begin, with the workspace and the records of an earlier run of stored. */
bool session_restore(struct session *session, const struct journal_record *record, struct error *error);

/* Token and end of the lease; the token applies to the next attempt of requests that are under way, too. */
void session_update(struct session *session, const struct message_session_update *update);

/* Ends transfers, whose callers get `reason`, at the server too; new ones are refused. */
void session_cancel(struct session *session, const struct error *reason);

#endif
