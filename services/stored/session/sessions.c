/* Sessions are few (LIMIT_CONCURRENCY), so a list does; their keys are random, so any of them is found by
 * comparing. */
#include "services/stored/session/sessions.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/saturate.h"
#include "libcommon/base/text.h"
#include "libcommon/base/uuid.h"

#include <stdlib.h>
#include <string.h>

struct sessions {
    struct session_setup *setup;
    LIST_HEAD(session_list, session) list;
    size_t count;
    struct loop_timer expiry; /* of the session that is due first */
};

size_t sessions_count(const struct sessions *sessions)
{
    return sessions->count;
}

struct session *sessions_find(const struct sessions *sessions, const struct secret *task_key,
                              struct error *error)
{
    struct session *session = LIST_FIRST(&sessions->list);
    while (session && !secret_equal(&session->opened.task_key, task_key))
        session = LIST_NEXT(session, link);
    if (!session)
        error_set(error, ERROR_NOT_FOUND, "no session has this task key");
    return session;
}

static struct session *find_task(const struct sessions *sessions, const char *task_id)
{
    struct session *session = LIST_FIRST(&sessions->list);
    while (session && strcmp(session->opened.task_id, task_id) != 0)
        session = LIST_NEXT(session, link);
    return session;
}

void sessions_on_abort_ended(const struct sessions *sessions, const char *task_id)
{
    struct session *session = find_task(sessions, task_id);
    if (session)
        artifact_collection_on_abort_ended(&session->collection);
}

/* --- the end of one --- */

/* The earliest moment at which a session ends by itself; INT64_MAX: none does. */
static int64_t next_expiry_ms(const struct sessions *sessions)
{
    int64_t next_ms = INT64_MAX;
    const struct session *session;
    LIST_FOREACH(session, &sessions->list, link)
    {
        int64_t due_ms = lease_expiry_due_ms(&session->expiry);
        if (due_ms < next_ms)
            next_ms = due_ms;
    }
    return next_ms;
}

static void arm_expiry(struct sessions *sessions)
{
    int64_t due_ms = next_expiry_ms(sessions);
    if (due_ms != INT64_MAX)
        loop_timer_start(&sessions->expiry, saturate_subtract(due_ms, clock_boot_ms()));
    else
        loop_timer_stop(&sessions->expiry);
}

static void drop(struct sessions *sessions, struct session *session)
{
    LIST_REMOVE(session, link);
    sessions->count--;
    session_free(session);
    arm_expiry(sessions);
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    for (struct session *session = LIST_FIRST(&sessions->list), *next; session; session = next) {
        next = LIST_NEXT(session, link);
        drop(sessions, session);
    }
    loop_timer_stop(&sessions->expiry);
    free(sessions);
}

static void remove_workspace(struct session_setup *setup, const char *task_id,
                             removal_done_function *on_removed, void *context)
{
    struct error error;
    char *retired = NULL;
    bool ok = workspace_retire(&setup->work_dir, task_id, &retired, &error);
    if (retired)
        removal_queue_add(setup->removals, retired, on_removed, context);
    else if (on_removed)
        on_removed(context, ok ? NULL : &error);
    else if (!ok)
        log_warn("a workspace stays: %s", error.text);
    free(retired);
}

void sessions_close(struct sessions *sessions, struct session *session, const struct error *reason,
                    removal_done_function *on_removed, void *context)
{
    char *task_id = memory_copy_text(session->opened.task_id);
    session_cancel(session, reason);
    artifact_collection_fail(&session->collection, reason);
    drop(sessions, session);
    journal_session_closed(sessions->setup->journal, task_id);
    remove_workspace(sessions->setup, task_id, on_removed, context);
    free(task_id);
}

void sessions_close_others(struct sessions *sessions, const char *owner)
{
    struct error reason;
    error_set(&reason, ERROR_CANCELLED, "leased was restarted and does not know the task");
    for (struct session *session = LIST_FIRST(&sessions->list), *next; session; session = next) {
        next = LIST_NEXT(session, link);
        if (session->opened.owner && strcmp(session->opened.owner, owner) == 0)
            continue;
        log_write(LOG_LEVEL_WARN, &session->log, "session closed: %s", reason.text);
        sessions_close(sessions, session, &reason, NULL, NULL);
    }
}

static void on_expiry(void *context)
{
    struct sessions *sessions = context;
    struct error reason;
    int64_t now_ms = clock_boot_ms();
    error_set(&reason, ERROR_CANCELLED, "the lease ended an hour ago, and nobody closed the session");
    for (struct session *session = LIST_FIRST(&sessions->list), *next; session; session = next) {
        next = LIST_NEXT(session, link);
        if (lease_expiry_due_ms(&session->expiry) > now_ms)
            continue;
        log_write(LOG_LEVEL_WARN, &session->log, "session closed: %s", reason.text);
        sessions_close(sessions, session, &reason, NULL, NULL);
    }
    arm_expiry(sessions);
}

struct sessions *sessions_create(struct session_setup *setup)
{
    struct sessions *sessions = memory_allocate(sizeof *sessions);
    sessions->setup = setup;
    loop_timer_init(&sessions->expiry, setup->client.loop, on_expiry, sessions);
    return sessions;
}

void sessions_update(struct sessions *sessions, struct session *session,
                     const struct message_session_update *update)
{
    session_update(session, update);
    arm_expiry(sessions);
}

/* --- opening --- */

/* task_id becomes a folder's name and domain_id a part of URLs, whoever sent them. */
static bool check_open(const struct sessions *sessions, const struct message_session_open *message,
                       struct error *error)
{
    if (message->task_key.length == 0)
        return error_set(error, ERROR_INVALID, "task_key is empty");
    if (!workspace_name_is_safe(message->task_id))
        return error_set(error, ERROR_INVALID, "task_id cannot be a folder's name: %.*s",
                         TEXT_CUT(message->task_id, 64));
    if (!*message->domain_id || strcmp(message->domain_id, ".") == 0 || strcmp(message->domain_id, "..") == 0)
        return error_set(error, ERROR_INVALID, "domain_id \"%.*s\" cannot be used",
                         TEXT_CUT(message->domain_id, 64));
    if (sessions->count >= LIMIT_CONCURRENCY)
        return error_set(error, ERROR_UNAVAILABLE, "%zu sessions are open, the limit is %d", sessions->count,
                         LIMIT_CONCURRENCY);
    return true;
}

/* The task came back under another lease before the first one was closed: the later lease counts. */
static void end_earlier_attempt(struct sessions *sessions, const char *task_id)
{
    struct session *earlier = find_task(sessions, task_id);
    struct error reason;
    if (!earlier)
        return;
    log_write(LOG_LEVEL_WARN, &earlier->log, "a new lease of the task replaces its session");
    error_set(&reason, ERROR_CANCELLED, "a new lease replaced this one");
    sessions_close(sessions, earlier, &reason, NULL, NULL);
}

static struct session *add(struct sessions *sessions, const struct message_session_open *message)
{
    struct session *session = session_create(sessions->setup, message);
    LIST_INSERT_HEAD(&sessions->list, session, link);
    sessions->count++;
    return session;
}

struct session *sessions_open(struct sessions *sessions, const struct message_session_open *message,
                              struct error *error)
{
    struct error unknown;
    struct session *session = sessions_find(sessions, &message->task_key, &unknown);
    /* A repeat may be older than the last update: it changes nothing. */
    if (session)
        return session;
    if (!check_open(sessions, message, error))
        return NULL;
    end_earlier_attempt(sessions, message->task_id);
    session = add(sessions, message);
    if (!session_begin(session, error)) {
        drop(sessions, session);
        return NULL;
    }
    arm_expiry(sessions);
    return session;
}

/* --- after a restart --- */

static void restore(void *context, const struct journal_record *record)
{
    struct sessions *sessions = context;
    struct error error;
    struct session *session = add(sessions, record->message);
    if (session_restore(session, record, &error)) {
        arm_expiry(sessions);
        return;
    }
    log_write(LOG_LEVEL_WARN, &session->log, "session lost: %s", error.text);
    journal_session_closed(sessions->setup->journal, session->opened.task_id);
    drop(sessions, session);
}

static bool is_in_use(const struct sessions *sessions, const char *folder_name)
{
    const struct session *session = LIST_FIRST(&sessions->list);
    while (session && !workspace_owns(folder_name, session->opened.task_id))
        session = LIST_NEXT(session, link);
    return session;
}

/*
 * What is in the queue is removed while sessions may already be opened, so a workspace that a session may
 * want is moved aside first.
 */
static void remove_leftover(struct session_setup *setup, const char *name)
{
    struct error error;
    char *retired = NULL;
    if (uuid_is_valid(name) && !workspace_retire(&setup->work_dir, name, &retired, &error))
        log_warn("a left-over workspace stays: %s", error.text);
    if (retired || !uuid_is_valid(name)) {
        log_info("removing %s, left by an earlier run", retired ? retired : name);
        removal_queue_add(setup->removals, retired ? retired : name, NULL, NULL);
    }
    free(retired);
}

bool sessions_restore(struct sessions *sessions, struct error *error)
{
    journal_visit_records(sessions->setup->journal, JOURNAL_SESSIONS, NULL, restore, sessions);
    /* Found first: moving folders while reading their folder could show some twice. */
    struct text_list names = {0};
    bool ok = work_dir_find_leftovers(&sessions->setup->work_dir, &names, error);
    for (size_t i = 0; ok && i < names.count; i++)
        if (!is_in_use(sessions, names.items[i]))
            remove_leftover(sessions->setup, names.items[i]);
    text_list_clear(&names);
    return ok;
}
