/*
 * A leased task: drives the state machine of task_life.h with heartbeats, messages to stored and commands to
 * a runner host.
 */
#ifndef LEASED_TASK_H
#define LEASED_TASK_H

#include "libcommon/error.h"
#include "libcommon/secret.h"
#include "services/leased/lease.h"
#include "services/leased/leased.h"

#include <stdbool.h>
#include <stdint.h>

struct task;

/* Takes `lease` (it is left empty) and begins with the first heartbeat. `server_unix_ms` and `sent_boot_ms`
 * as of its answer. */
struct task *task_create(struct leased *leased, struct lease *lease, int64_t server_unix_ms,
                         int64_t sent_boot_ms);

/* As task_create, for a lease that fails in its set-up before the first heartbeat: reports `stage` and
 * `text`. */
struct task *task_create_refused(struct leased *leased, struct lease *lease, const char *stage,
                                 const char *text);

/*
 * Takes the task out of leased->tasks and cancels what it waits for, without a word to anybody. It is freed
 * by task_free_ended(), later, since callers up the stack may still look at it.
 */
void task_retire(struct task *task);
void task_free_ended(struct leased *leased);

struct task *task_next(const struct task *task);
struct task *task_find(struct leased *leased, const struct secret *key);

/* Whether heartbeat's hint `task_id` is about this task; then a heartbeat goes at once. */
void task_on_token_wanted(struct task *task, const char *task_id);

/* From the runner host. */
bool task_on_progress(struct task *task, int64_t sequence, const char *progress, struct error *error);
bool task_on_event(struct task *task, int64_t sequence, const char *event, struct error *error);
void task_on_finish(struct task *task, bool succeeded, const char *reason);

/* A slot may be free: a waiting task looks for one. */
void task_on_slots_changed(struct task *task);

/* The host is gone, and what it ran with it. NULL: every host counts as this one. */
void task_on_host_gone(struct task *task, const struct runner_host *host);

/* Adds the key of a task that `host_id` runs. */
void task_add_key_if_on_host(const struct task *task, const char *host_id, struct text_list *keys);

/* Waiting tasks fail with node_draining now; running ones too when `grace_over`. */
void task_on_drain(struct task *task, bool grace_over);

/* The drain's time is up: reports that DMS did not take so far are given up. */
void task_give_up_report(struct task *task);

/* "4f3a… running", for the status. */
const char *task_describe(const struct task *task);

#endif
