/* What is asked of leased, and the events that it hears: for the tables in main.c. */
#ifndef LEASED_HANDLERS_H
#define LEASED_HANDLERS_H

#include "libcommon/ipc/ipc.h"

/* Runner hosts and jobs. */
ipc_handle_function leased_handle_host_hello;
ipc_handle_function leased_handle_host_next;
ipc_handle_function leased_handle_task_progress;
ipc_handle_function leased_handle_task_event;
ipc_handle_function leased_handle_task_finish;

/* posemesh-node and operators. */
ipc_handle_function leased_handle_drain_start;
ipc_handle_function leased_handle_drain_wait;

/* stored. */
ipc_event_function leased_handle_domain_token_wanted;
ipc_event_function leased_handle_workspace_overrun;

#endif
