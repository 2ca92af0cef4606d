/* What the parts of leased share. One struct, owned by main's service_context. */
#ifndef LEASED_LEASED_H
#define LEASED_LEASED_H

#include "libcommon/service/service.h"
#include "services/leased/dms/dms_client.h"
#include "services/leased/hosts/runner_hosts.h"

#include <stdbool.h>
#include <stddef.h>

struct poller;
struct task;

enum { LEASED_ID_BYTES = 33 };

struct leased {
    struct service_context *service;
    char id[LEASED_ID_BYTES]; /* of this start, random: its sessions at stored carry it */
    struct ipc_call *keep_call;
    struct dms_client *dms;
    struct ipc_client *authd;
    struct ipc_client *stored;
    struct runner_hosts *hosts;
    struct poller *poller;
    struct task *tasks; /* linked by task_next() */
    size_t task_count;
    struct task *ended_tasks; /* to be freed in the next turn */

    struct loop_timer tick;
    struct text_list capabilities; /* last told to authd, or to be told */
    bool capabilities_known;       /* a runner host said hello since the start */
    int64_t capabilities_due_ms;   /* told again from time to time: authd may have been restarted */
    struct ipc_call *capabilities_call;
    bool capabilities_warned; /* authd's silence was logged */

    bool draining;
    bool drain_hurried;
    bool drain_grace_over;
    bool stopping; /* SIGTERM: tasks are dropped without a word */
    struct loop_timer drain_timer;
    struct ipc_request *drain_waiter; /* NULL: nobody waits */
    int64_t drain_wait_since_ms;
};

/* The hooks of main.c. */
service_step_function leased_start;
void leased_stop(struct service_context *context);
void leased_describe(struct service_context *context, struct service_state *state);

/* The message handlers of main.c's tables. */
ipc_handle_function leased_handle_host_hello;
ipc_handle_function leased_handle_host_next;
ipc_handle_function leased_handle_task_progress;
ipc_handle_function leased_handle_task_event;
ipc_handle_function leased_handle_task_finish;
ipc_handle_function leased_handle_drain_start;
ipc_handle_function leased_handle_drain_wait;

/* A task has ended and is to be forgotten. `did_work` false counts as idle for the poller
 * (docs/network.md 3.1). */
void leased_on_task_ended(struct leased *leased, struct task *task, bool did_work);

#endif
