/* Asking another process. */
#ifndef LIBCOMMON_IPC_IPC_CLIENT_H
#define LIBCOMMON_IPC_IPC_CLIENT_H

#include "libcommon/ipc/ipc_context.h"

#include <stdint.h>

struct ipc_client;
struct ipc_call;

/* For a role's socket; connects in the background, and again whenever the peer comes back. */
struct ipc_client *ipc_client_create(struct ipc *ipc, enum role role, struct error *error);

/*
 * The end of a call, once, in a later turn: `answer` (a struct of the operation's answer type) or `failure`.
 * ERROR_TIMEOUT says that nobody answered: a missing peer and a refused uid look alike. Both are gone after
 * the function has returned.
 */
typedef void ipc_answer_function(void *context, const void *answer, const struct error *failure);

/*
 * Sends a request. The caller keeps owning `request`. Never fails: what goes wrong arrives through
 * `on_answer`. The pointer is valid until on_answer is called or ipc_cancel(). `deadline_ms` 0 takes the
 * operation's.
 */
struct ipc_call *ipc_send(struct ipc_client *client, enum operation operation, const void *request,
                          int64_t deadline_ms, ipc_answer_function *on_answer, void *context);

/* Ends a call without on_answer; the peer may have received it. NULL is harmless. */
void ipc_cancel(struct ipc_call *call);

/* call_<request>(client, &request, on_answer, context): the typed form of ipc_send for each operation. */
#define IPC_CALL_FUNCTION(request_name, ...)                                                                 \
    static inline struct ipc_call *call_##request_name(struct ipc_client *client,                            \
                                                       const struct message_##request_name *request,         \
                                                       ipc_answer_function *on_answer, void *context)        \
    {                                                                                                        \
        return ipc_send(client, OPERATION_##request_name, request, 0, on_answer, context);                   \
    }
OPERATIONS(IPC_CALL_FUNCTION)
#undef IPC_CALL_FUNCTION

#endif
