/*
 * A leased task, from its lease to the answer to its report: drives the state machine of task_life.h with
 * heartbeats, a session at stored, commands to a runner host and a report to DMS.
 */
#ifndef LEASED_TASK_TASK_H
#define LEASED_TASK_TASK_H

#include "services/leased/task/pending_updates.h"
#include "services/leased/task/task_driver.h"

struct task;

/* Takes `lease` (it is left empty) and begins with the first heartbeat. `server_unix_ms` and `sent_boot_ms`
 * as of its answer. */
struct task *task_create(const struct task_surroundings *surroundings, struct lease *lease,
                         int64_t server_unix_ms, int64_t sent_boot_ms);

/* As task_create, for a lease that fails before its first heartbeat: reports a failed set-up with `stage` and
 * `text`. */
struct task *task_create_refused(const struct task_surroundings *surroundings, struct lease *lease,
                                 const char *stage, const char *text);

/* Cancels what it waits for, without a word to anybody. */
void task_free(struct task *task);

/* Ended tasks take no part in anything. */
bool task_has_ended(const struct task *task);

/* Whether it will want a slot for the capability, and has none yet. */
bool task_waits_for(const struct task *task, const char *capability);

/* Whether it is a task of the capability. */
bool task_is_of(const struct task *task, const char *capability);

bool task_has_key(const struct task *task, const struct secret *key);

/* stored misses a token for `task_id`: when it is this task, a heartbeat goes at once. */
void task_on_token_wanted(struct task *task, const char *task_id, bool lost);

/* stored counts more in the workspace of `task_id` than it may hold: when it is this task and its job is not
 * over, it fails. A repeat changes nothing. */
void task_on_overrun(struct task *task, const char *task_id, int64_t used_bytes, int64_t limit_bytes);

/* From the runner host: `take` says which kind of update. Those of a job that is over are refused: nothing
 * would carry them to DMS. */
bool task_on_update(struct task *task, pending_updates_function *take, int64_t sequence, const char *text,
                    struct error *error);
void task_on_finish(struct task *task, const struct message_task_finish *finish);

/* A slot may be free: a waiting task looks for one. */
void task_on_slots_changed(struct task *task);

/* The host is gone, and what it ran with it. */
void task_on_host_gone(struct task *task, const struct runner_host *host);

/* Adds the key of a task that `host_id` runs. */
void task_add_key_if_on_host(const struct task *task, const char *host_id, struct text_list *keys);

/* The host has said what it runs. A job that it was told to start and does not name is lost. */
void task_on_host_hello(struct task *task, const char *host_id, const struct text_list *running);

/* Tasks whose job does not run yet fail with node_draining now; running ones when `grace_over`. */
void task_on_drain(struct task *task, bool grace_over);

/* The drain's bound is reached: the task ends, whatever it waits for. */
void task_give_up(struct task *task);

/* What it does now, for the status. */
const char *task_describe(const struct task *task);

#endif
