/*
 * Talk between the processes: nng stands behind this header. One folder and one socket for each role, mode
 * 0660 (the folder's group decides who reaches it), and the peer's uid is checked when its pipe is added,
 * before its first byte is read; events, which hold no secrets, go to whoever the folder lets in. A message
 * that breaks its definition is answered with a failure that names the field, and logged (one line a second
 * for each socket). A peer that sends more than its role allows is hung up on.
 *
 * nng delivers a request at least once: it is sent again when the peer comes back.
 * libcommon/node/operations.h says for each operation what a repeat does.
 */
#ifndef LIBCOMMON_IPC_IPC_H
#define LIBCOMMON_IPC_IPC_H

#include "libcommon/base/error.h"
#include "libcommon/loop/loop.h"
#include "libcommon/node/operations.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ipc;
struct ipc_request;
struct ipc_client;
struct ipc_call;

/* Which uid each process has, for the check of peers: libcommon/ipc/ipc_peers.h. */
struct ipc_peers {
    uid_t uids[SERVICE_NODE + 1];
};

/*
 * The process's end of all talk. `runtime_dir` is copied. Opening the first socket starts nng's threads, so
 * signals must be blocked, and uid and sandbox be final, before that.
 */
struct ipc *ipc_create(struct loop *loop, enum service_id self, const char *runtime_dir,
                       const struct ipc_peers *peers, struct error *error);

/* Closes every socket; pending requests are dropped and calls in flight end without their answer function, as
 * if cancelled. Their pointers are invalid then. NULL is harmless. */
void ipc_free(struct ipc *ipc);

/* --- serving --- */

/*
 * Handles one request. `message` points at the struct of the operation's request type and lives until the
 * answer is given. The handler answers exactly once, now or later, by ipc_answer() or ipc_fail().
 */
typedef void ipc_handle_function(void *context, struct ipc_request *request, const void *message);

struct ipc_handler {
    enum operation operation;
    ipc_handle_function *handle;
};

/* `handlers` must outlive `ipc`. "Address in use" means that another instance runs: an error. */
bool ipc_serve(struct ipc *ipc, enum role role, const struct ipc_handler *handlers, size_t handler_count,
               void *context, struct error *error);

/* Answers with a struct of the operation's answer type; the caller keeps owning `answer`. The request is gone
 * after it, its peer gone or not. */
void ipc_answer(struct ipc_request *request, const void *answer);

/* Answers {} for operations whose answer is `done`. */
void ipc_answer_done(struct ipc_request *request);
void ipc_fail(struct ipc_request *request, const struct error *error);

/* --- calling --- */

/* Takes connections for a role's socket; connects in the background and again whenever the peer comes back.
 */
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

/* --- events --- */

/* Opens <self>/events. Without it ipc_publish() is an error of ours. */
bool ipc_open_events(struct ipc *ipc, struct error *error);

/* Sends a hint to whoever listens now, `message` of the event's type. It may get lost. */
void ipc_publish(struct ipc *ipc, enum event event, const void *message);

typedef void ipc_event_function(void *context, const void *message);

/* Calls `on_event` with each such event from now on. */
bool ipc_subscribe(struct ipc *ipc, enum event event, ipc_event_function *on_event, void *context,
                   struct error *error);

#endif
