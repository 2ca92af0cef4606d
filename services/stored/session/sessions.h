/* The sessions that are open: one for each lease, opened and closed by leased. */
#ifndef STORED_SESSION_SESSIONS_H
#define STORED_SESSION_SESSIONS_H

#include "services/stored/session/session.h"

struct sessions;

/* `setup` is borrowed. Those whose lease ended an hour ago are closed (lease_expiry.h). */
struct sessions *sessions_create(struct session_setup *setup);

/* As session_free() of each. NULL is harmless. */
void sessions_free(struct sessions *sessions);

/* Opens what the journal knows again, as far as the workspaces are still there, and removes what else earlier
 * runs left in the work dir, in the background. */
bool sessions_restore(struct sessions *sessions, struct error *error);
size_t sessions_count(const struct sessions *sessions);

/* NULL when there is none; `error` then says so. */
struct session *sessions_find(const struct sessions *sessions, const struct secret *task_key,
                              struct error *error);

/* As session_update(). */
void sessions_update(struct sessions *sessions, struct session *session,
                     const struct message_session_update *update);

/*
 * Gives the session of the key in `message`, a new one with a fresh workspace when there is none. NULL with
 * ERROR_INVALID for fields that cannot be used, ERROR_UNAVAILABLE above LIMIT_CONCURRENCY, and what making
 * folders fails with.
 */
struct session *sessions_open(struct sessions *sessions, const struct message_session_open *message,
                              struct error *error);

/*
 * Ends transfers as session_cancel(), frees, and removes the workspace; `on_removed` (may be NULL) is called
 * when it is gone, or could not be removed.
 */
void sessions_close(struct sessions *sessions, struct session *session, const struct error *reason,
                    removal_done_function *on_removed, void *context);

/* An upload of the task that was given up has ended at the server, or could not be. */
void sessions_on_abort_ended(const struct sessions *sessions, const char *task_id);

/* Closes the sessions that an earlier start of leased has left: only `owner` closes its own. */
void sessions_close_others(struct sessions *sessions, const char *owner);

#endif
