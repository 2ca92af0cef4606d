/* Hints from one process to whoever listens: never a secret, and any of them may get lost. */
#ifndef LIBCOMMON_IPC_IPC_EVENTS_H
#define LIBCOMMON_IPC_IPC_EVENTS_H

#include "libcommon/ipc/ipc_context.h"

/* Opens <self>/events. Before it ipc_publish() does nothing. */
bool ipc_open_events(struct ipc *ipc, struct error *error);

/* Sends a hint to whoever listens now, `message` of the event's type. It may get lost. */
void ipc_publish(struct ipc *ipc, enum event event, const void *message);

typedef void ipc_event_function(void *context, const void *message);

/* Calls `on_event` with each such event from now on. */
bool ipc_subscribe(struct ipc *ipc, enum event event, ipc_event_function *on_event, void *context,
                   struct error *error);

#endif
