/*
 * A lease's session at stored: opened with the task's workspace, kept up to date with each new token and end
 * of the lease, asked for the artifacts, closed.
 */
#ifndef LEASED_TASK_STORAGE_SESSION_H
#define LEASED_TASK_STORAGE_SESSION_H

#include "services/leased/task/task_driver.h"

struct storage_session;

/* Events: OPENED, OPEN_FAILED, COLLECTED, COLLECT_FAILED, CLOSED (also when stored did not answer). */
struct storage_session *storage_session_create(const struct task_driver *driver);

/* Without a word to stored. */
void storage_session_free(struct storage_session *session);

/* `task_id` names the workspace, whatever DMS renames later. The lease has a domain and a server. */
void storage_session_open(struct storage_session *session, const char *task_id, int64_t lease_ends_boot_ms);

/*
 * Tells stored the lease's token and end, and when the last heartbeat that was answered had been sent: after
 * each answer, or when stored has lost them. What stored did not take goes with the next.
 */
void storage_session_update(struct storage_session *session, int64_t lease_ends_boot_ms,
                            int64_t heartbeat_boot_ms);

/* Aborts its transfers at once, whatever their host does. */
void storage_session_cancel(struct storage_session *session);

/* Asks for the artifacts. */
void storage_session_collect(struct storage_session *session);

/* What was collected; empty before. Borrowed. */
const struct message_artifacts *storage_session_artifacts(const struct storage_session *session);

/* The folder that stored made for the task; NULL before. Borrowed. */
const char *storage_session_workspace(const struct storage_session *session);

/* At once when it was never opened. */
void storage_session_close(struct storage_session *session);

#endif
