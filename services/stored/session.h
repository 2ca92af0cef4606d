/*
 * Sessions: one for each lease, opened and closed by leased. A session owns its workspace, its way to the
 * domain server, and every transfer made for it.
 */
#ifndef STORED_SESSION_H
#define STORED_SESSION_H

#include "libcommon/node/messages.h"
#include "services/stored/domain/domain_request.h"
#include "services/stored/inputs/input_path.h"
#include "services/stored/workspace/removal_queue.h"
#include "services/stored/workspace/workspace.h"
#include "services/stored/workspace/workspace_watch.h"

#include <stdbool.h>
#include <stddef.h>

struct artifact;
struct input;
struct stored;

struct session {
    struct stored *stored;
    struct secret task_key;
    char *task_id;
    char *job_id;
    char *capability;
    char *domain_id;
    char *outputs_prefix;
    char *owner; /* the start of leased that it belongs to; NULL: not said */
    struct log_task log;
    struct domain_access access;
    struct workspace workspace;
    struct input_path_set *input_paths;
    struct input *inputs; /* fetched or being fetched */
    void *inputs_by_cid;  /* the same, for tsearch(): tasks have thousands */
    size_t input_count;
    size_t input_files;
    unsigned input_number;      /* of the latest download */
    struct artifact *artifacts; /* in the order of their first put */
    size_t artifact_count;
    size_t artifact_text_bytes; /* of all their names: the answer with all of them must fit a message */
    bool cancelled;
    struct error cancel_reason;
    struct watched_workspace *watched; /* NULL: there is no limit */
    struct session *next;
};

/* NULL when there is none; `error` then says so. */
struct session *session_find(const struct stored *stored, const struct secret *task_key, struct error *error);

/*
 * Gives the session of the key in `message`, a new one with a fresh workspace when there is none. What an
 * earlier attempt at the same task left is moved aside and removed. NULL with ERROR_INVALID for fields that
 * cannot be used, ERROR_UNAVAILABLE above LIMIT_CONCURRENCY, and what making folders fails with.
 */
struct session *session_open(struct stored *stored, const struct message_session_open *message,
                             struct error *error);

/* Ends transfers, whose callers get `reason`, at the server too; new ones are refused. */
void session_cancel(struct session *session, const struct error *reason);

/*
 * Ends transfers as session_cancel, frees, and removes the workspace; `on_removed` (may be NULL) is called
 * when it is gone, or could not be removed.
 */
void session_close(struct session *session, const struct error *reason, removal_done_function *on_removed,
                   void *context);

/* Frees it without answers to anybody and without telling the server: the next stored goes on with it. */
void session_drop(struct session *session);

/* Opens what the journal knows again, as far as the workspaces are still there. */
void sessions_restore(struct stored *stored);

/* Closes the sessions that an earlier start of leased has left: only `owner` closes its own. */
void sessions_close_others(struct stored *stored, const char *owner);

/* Whether new transfers may begin; what ended the earlier ones says why not. */
bool session_check_active(const struct session *session, struct error *error);

#endif
