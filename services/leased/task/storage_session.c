#include "services/leased/task/storage_session.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/retry.h"
#include "libcommon/loop/loop.h"

#include <stdlib.h>

enum { COLLECT_ATTEMPTS_MAX = 3 };

/* Without a bound but a drain's: no task can begin before stored is back, and a session has a workspace. */
static const struct retry_policy close_policy = {.base_ms = 1000, .cap_ms = 30000};

struct storage_session {
    struct task_driver driver;
    bool opened;      /* stored was asked to make one, so it has to be closed */
    bool ready;       /* stored has said so: it can be updated */
    bool update_owed; /* stored does not have the newest token and end */
    int64_t lease_ends_boot_ms;
    int64_t heartbeat_boot_ms;
    int collect_attempts;
    char *workspace;
    struct message_artifacts artifacts;
    struct ipc_call *call; /* open, artifacts or close: one at a time */
    struct ipc_call *update_call;
    struct ipc_call *cancel_call;
    struct retry close_retry;
    struct loop_timer close_again;
};

static void tell(struct storage_session *session, enum task_event event, const char *reason)
{
    session->driver.on_event(session->driver.context, event, reason);
}

/* --- updates --- */

static void send_owed_update(struct storage_session *session);

static void on_updated(void *context, const void *answer, const struct error *failure)
{
    struct storage_session *session = context;
    (void)answer;
    session->update_call = NULL;
    /* Owed until stored has it: the next heartbeat's answer tries again. A session that is gone fails the
     * job's next transfer. */
    if (failure) {
        session->update_owed = true;
        log_write(session->ready ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, session->driver.log,
                  "stored did not take the new token: %s", failure->text);
    } else {
        send_owed_update(session);
    }
}

static void send_owed_update(struct storage_session *session)
{
    /* One at a time, after the opening, keeps them in order; the next carries whatever is newest then. */
    if (!session->update_owed || !session->ready || session->update_call)
        return;
    const struct message_session_update request = {.task_key = *session->driver.key,
                                                   .access_token = session->driver.lease->access_token,
                                                   .lease_ends_boot_ms = session->lease_ends_boot_ms,
                                                   .heartbeat_boot_ms = session->heartbeat_boot_ms};
    session->update_owed = false;
    session->update_call = call_session_update(session->driver.around->stored, &request, on_updated, session);
}

void storage_session_update(struct storage_session *session, int64_t lease_ends_boot_ms,
                            int64_t heartbeat_boot_ms)
{
    session->heartbeat_boot_ms = heartbeat_boot_ms;
    session->lease_ends_boot_ms = lease_ends_boot_ms;
    session->update_owed = true;
    send_owed_update(session);
}

/* --- opening --- */

static void on_opened(void *context, const void *answer, const struct error *failure)
{
    struct storage_session *session = context;
    const struct message_session_opened *opened = answer;
    session->call = NULL;
    if (failure) {
        tell(session, TASK_EVENT_OPEN_FAILED, failure->text);
        return;
    }
    memory_replace_text(&session->workspace, opened->workspace);
    session->ready = true;
    send_owed_update(session);
    tell(session, TASK_EVENT_OPENED, NULL);
}

void storage_session_open(struct storage_session *session, const char *task_id, int64_t lease_ends_boot_ms)
{
    const struct lease *lease = session->driver.lease;
    if (!lease->access_token.length)
        log_write(LOG_LEVEL_WARN, session->driver.log,
                  "the lease has no domain token: storage requests go without one");
    char *id = memory_copy_text(task_id);
    char *owner = memory_copy_text(session->driver.around->owner);
    const struct message_session_open request = {.task_key = *session->driver.key,
                                                 .task_id = id,
                                                 .job_id = lease->job_id,
                                                 .capability = lease->capability,
                                                 .domain_id = lease->domain_id,
                                                 .server_url = lease->server_url,
                                                 .dms_is_private = lease->dms_is_private,
                                                 .outputs_prefix = lease->outputs_prefix,
                                                 .access_token = lease->access_token,
                                                 .lease_ends_boot_ms = lease_ends_boot_ms,
                                                 .owner = owner};
    session->opened = true;
    session->update_owed = false;
    session->call = call_session_open(session->driver.around->stored, &request, on_opened, session);
    free(id);
    free(owner);
}

/* --- the end --- */

static void on_cancelled(void *context, const void *answer, const struct error *failure)
{
    struct storage_session *session = context;
    (void)answer;
    (void)failure;
    session->cancel_call = NULL;
}

void storage_session_cancel(struct storage_session *session)
{
    const struct message_session_cancel request = {.task_key = *session->driver.key,
                                                   .access_token = session->driver.lease->access_token};
    if (session->opened)
        session->cancel_call =
            call_session_cancel(session->driver.around->stored, &request, on_cancelled, session);
}

static void on_collected(void *context, const void *answer, const struct error *failure)
{
    struct storage_session *session = context;
    session->call = NULL;
    /* The artifacts are stored: a stored that is only slow must not turn finished work into a failure. */
    bool silent = failure && (failure->code == ERROR_TIMEOUT || failure->code == ERROR_UNAVAILABLE);
    if (silent && ++session->collect_attempts < COLLECT_ATTEMPTS_MAX) {
        storage_session_collect(session);
    } else if (failure) {
        struct error error = *failure;
        error_prefix(&error, "the list of artifacts is lost");
        log_write(LOG_LEVEL_WARN, session->driver.log, "%s", error.text);
        tell(session, TASK_EVENT_COLLECT_FAILED, error.text);
    } else {
        message_clear(&message_artifacts_type, &session->artifacts);
        message_copy(&message_artifacts_type, &session->artifacts, answer);
        tell(session, TASK_EVENT_COLLECTED, NULL);
    }
}

void storage_session_collect(struct storage_session *session)
{
    const struct message_session_artifacts request = {.task_key = *session->driver.key,
                                                      .access_token = session->driver.lease->access_token};
    session->call = call_session_artifacts(session->driver.around->stored, &request, on_collected, session);
}

static void on_closed(void *context, const void *answer, const struct error *failure)
{
    struct storage_session *session = context;
    (void)answer;
    session->call = NULL;
    if (!failure || failure->code == ERROR_NOT_FOUND) {
        tell(session, TASK_EVENT_CLOSED, NULL);
        return;
    }
    int64_t wait_ms =
        retry_next_ms(&session->close_retry, clock_boot_ms(), -1, session->driver.around->random);
    log_write(LOG_LEVEL_WARN, session->driver.log, "stored did not close the session: %s; again in %.1f s",
              failure->text, (double)wait_ms / 1000);
    loop_timer_start(&session->close_again, wait_ms);
}

static void send_close(void *context)
{
    struct storage_session *session = context;
    const struct message_session_close request = {.task_key = *session->driver.key,
                                                  .access_token = session->driver.lease->access_token};
    session->call = call_session_close(session->driver.around->stored, &request, on_closed, session);
}

void storage_session_close(struct storage_session *session)
{
    session->ready = false;
    if (!session->opened) {
        tell(session, TASK_EVENT_CLOSED, NULL);
        return;
    }
    /* Closing while opening: the open's answer is of no interest any more. */
    ipc_cancel(session->call);
    retry_start(&session->close_retry, &close_policy, clock_boot_ms());
    send_close(session);
}

const struct message_artifacts *storage_session_artifacts(const struct storage_session *session)
{
    return &session->artifacts;
}

const char *storage_session_workspace(const struct storage_session *session)
{
    return session->workspace;
}

struct storage_session *storage_session_create(const struct task_driver *driver)
{
    struct storage_session *session = memory_allocate(sizeof *session);
    session->driver = *driver;
    loop_timer_init(&session->close_again, driver->around->loop, send_close, session);
    return session;
}

void storage_session_free(struct storage_session *session)
{
    if (!session)
        return;
    ipc_cancel(session->call);
    ipc_cancel(session->update_call);
    ipc_cancel(session->cancel_call);
    loop_timer_stop(&session->close_again);
    message_clear(&message_artifacts_type, &session->artifacts);
    free(session->workspace);
    free(session);
}
