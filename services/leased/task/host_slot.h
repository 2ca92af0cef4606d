/*
 * A task's place at a runner host: taken with the start command for its job, given back when the job is over.
 */
#ifndef LEASED_TASK_HOST_SLOT_H
#define LEASED_TASK_HOST_SLOT_H

#include "services/leased/task/task_driver.h"

/* A value inside the caller's struct. */
struct host_slot {
    struct task_driver driver;
    struct runner_host *host; /* NULL: none */
    char *capability;         /* whose slot it takes; the lease's may be renamed meanwhile */
    struct loop_timer patience;
};

/* Event: FAILED, when the host did not end a cancelled job in time. */
void host_slot_init(struct host_slot *slot, const struct task_driver *driver);

/* Frees; the host is not told. */
void host_slot_clear(struct host_slot *slot);

/* Sends the start command, whose key is filled in, to a host with a free slot of its capability.
 * False: there is none. */
bool host_slot_take(struct host_slot *slot, struct message_host_command *start);

/*
 * Has the host end the job; it stays there until it says so, for two minutes at most. `grace_ms` as in a
 * host_command. Again: perhaps there is less time now.
 */
void host_slot_cancel(struct host_slot *slot, const char *reason, int64_t grace_ms);

/* The job is over: the slot is free for another. Harmless when it has none. */
void host_slot_release(struct host_slot *slot);

/* `host` is gone, and its slots with it. Whether the task had one of them. */
bool host_slot_lose(struct host_slot *slot, const struct runner_host *host);

bool host_slot_is_at(const struct host_slot *slot, const char *host_id);

/* Whether the host could know the job: not while its start waits for the host's poll. */
bool host_slot_is_started(const struct host_slot *slot);

#endif
