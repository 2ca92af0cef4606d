/*
 * One session: what stored has for one lease. It owns its workspace, its way to the domain server, and every
 * transfer made for it. Sessions are opened and closed by sessions.h.
 */
#ifndef STORED_SESSION_SESSION_H
#define STORED_SESSION_SESSION_H

#include "libcommon/node/messages.h"
#include "services/stored/artifacts/artifacts.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/inputs/inputs.h"
#include "services/stored/journal/journal.h"
#include "services/stored/workspace/removal_queue.h"
#include "services/stored/workspace/workspace.h"
#include "services/stored/workspace/workspace_watch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all sessions share; all is borrowed. */
struct session_setup {
    const struct domain_client *client;
    struct journal *journal;
    struct transfers *transfers;
    struct work_dir *work_dir;
    struct removal_queue *removals;
    struct workspace_watch *watch;
    int64_t workspace_max_bytes; /* 0: no limit */
    struct multipart_aborts *aborts;
    struct upload_info_cache *upload_infos;
    int64_t multipart_min_bytes;
    size_t upload_concurrency;
    /* Every few seconds from the moment on that a workspace holds more than it may. */
    void (*on_overrun)(void *context, const char *task_id, int64_t used_bytes, int64_t limit_bytes);
    void *context;
};

struct session {
    const struct session_setup *setup;
    struct secret task_key;
    char *task_id;
    char *job_id;
    char *capability;
    char *domain_id;
    char *data_path; /* data_path_of_domain() */
    char *outputs_prefix;
    char *owner; /* the start of leased that it belongs to; NULL: not said */
    struct log_task log;
    struct domain_access access;
    struct workspace workspace;
    struct watched_workspace *watched; /* NULL: there is no limit */
    struct inputs *inputs;
    struct artifacts *artifacts;
    bool cancelled;
    struct error cancel_reason;
    struct session *next; /* for sessions.h */
};

/* Of what `message` says, without workspace. `setup` is borrowed. */
struct session *session_create(const struct session_setup *setup, const struct message_session_open *message);

/* Frees it without answers to anybody and without telling the server: the next stored resumes it. */
void session_free(struct session *session);

/*
 * Makes its workspace and its way to the server. What an earlier attempt at the same task left is moved aside
 * and removed. ERROR_INVALID for a server_url that cannot be used, and what making folders fails with.
 */
bool session_begin(struct session *session, const struct message_session_open *message, struct error *error);

/* As session_begin, with the workspace and the records of an earlier run of stored. */
bool session_restore(struct session *session, const struct journal_record *record, struct error *error);

/* Token and end of the lease; the token applies to the next attempt of requests that are under way, too. */
void session_update(struct session *session, const struct message_session_update *update);

/* Ends transfers, whose callers get `reason`, at the server too; new ones are refused. */
void session_cancel(struct session *session, const struct error *reason);

/* Whether new transfers may begin; what ended the earlier ones says why not. */
bool session_check_active(const struct session *session, struct error *error);

#endif
