/* What leased holds while it runs, and its hooks for libcommon/service/service.h. */
#ifndef LEASED_LEASED_H
#define LEASED_LEASED_H

#include "libcommon/files/disk_room.h"
#include "libcommon/service/service.h"
#include "libcommon/service/waiting_line.h"
#include "services/leased/capability_rest.h"
#include "services/leased/hosts/capability_announcer.h"
#include "services/leased/hosts/runner_hosts.h"
#include "services/leased/login_watch.h"
#include "services/leased/poller.h"
#include "services/leased/task/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEASED_ID_BYTES = 33 };

/* A drain: no new lease, running jobs get their grace, then are cancelled; and it lasts no longer than its
 * bound, DMS reachable or not. */
struct drain {
    bool begun;
    bool hurried;
    bool grace_over;
    struct loop_timer timer;
    struct ipc_request *waiter; /* for its end; NULL: nobody waits */
    int64_t wait_since_ms;
};

struct leased {
    struct service_context *service;
    char id[LEASED_ID_BYTES]; /* of this start, random: its sessions at stored carry it */
    struct ipc_client *authd;
    struct ipc_client *stored;
    struct ipc_call *close_others_call;
    struct dms_client dms;
    struct dms_reach reach;
    struct login_watch login;
    struct runner_hosts *hosts;
    struct capability_announcer *announcer;
    struct poller *poller;
    char *polled_capability; /* that DMS was asked for last; NULL: for any */
    struct capability_rests rests;
    struct disk_room disk;
    int64_t disk_look_ms; /* not before */
    struct waiting_line waits;
    struct drain drain;
    struct task_surroundings surroundings;
    struct task **tasks; /* the one that waits longest first; ended ones stay until the next turn */
    size_t task_count;
    struct loop_timer tick;
};

/* The task of index *at or behind it that has not ended, and *at moves behind it; NULL at the end:
 *     for (size_t at = 0; (task = leased_next_task(leased, &at));) ... */
struct task *leased_next_task(const struct leased *leased, size_t *at);

size_t leased_count(const struct leased *leased);
void leased_add_task(struct leased *leased, struct task *task);

/* In waits.c: what it waits for is told when that is due; what the poller and the tasks ask and tell. */
void leased_begin_waits(struct leased *leased);
void leased_look_at_waits(struct leased *leased);
bool leased_may_poll(void *context, const char **capability);
void leased_on_job_ended(void *context, const char *capability, bool succeeded, int64_t started_boot_ms,
                         int64_t ran_ms);

/* A repeat changes nothing, but that the first one with `hurry` ends the grace. */
void leased_begin_drain(struct leased *leased, bool hurry);

/* Answers `request` with message_drain_state: when all is drained, or after a while. */
void leased_wait_for_drain(struct leased *leased, struct ipc_request *request);

/* The hooks of main.c. */
service_step_function leased_start;
void leased_stop(struct service_context *context);
void leased_describe(struct service_context *context, struct service_state *state);

/* Its handlers, in handlers.c: what runner hosts and jobs ask, then posemesh-node; the events of stored. */
ipc_handle_function leased_handle_host_hello;
ipc_handle_function leased_handle_host_next;
ipc_handle_function leased_handle_task_progress;
ipc_handle_function leased_handle_task_event;
ipc_handle_function leased_handle_task_finish;
ipc_handle_function leased_handle_drain_start;
ipc_handle_function leased_handle_drain_wait;
ipc_event_function leased_handle_domain_token_wanted;
ipc_event_function leased_handle_workspace_overrun;

#endif
