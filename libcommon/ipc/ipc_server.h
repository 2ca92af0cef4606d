/*
 * Serving a role: its socket, and handlers for what may be asked there. The peer's uid is checked when its
 * pipe is added, before its first byte is read.
 */
#ifndef LIBCOMMON_IPC_IPC_SERVER_H
#define LIBCOMMON_IPC_IPC_SERVER_H

#include "libcommon/ipc/ipc_context.h"

struct ipc_request;

/*
 * Handles one request. `message` points at the struct of the operation's request type and lives until the
 * answer is given. The handler answers exactly once, now or later, by ipc_answer() or ipc_fail().
 */
typedef void ipc_handle_function(void *context, struct ipc_request *request, const void *message);

struct ipc_handler {
    enum operation operation;
    ipc_handle_function *handle;
};

/*
 * What is held is bounded, by LIMIT_PENDING_REQUESTS for the role and, where jobs ask, for each task; more is
 * refused as ERROR_UNAVAILABLE. `handlers` must outlive `ipc`. "Address in use" means that another instance
 * runs: an error.
 */
bool ipc_serve(struct ipc *ipc, enum role role, const struct ipc_handler *handlers, size_t handler_count,
               void *context, struct error *error);

/* Answers with a struct of the operation's answer type; the caller keeps owning `answer`. The request is gone
 * after it, its peer gone or not. */
void ipc_answer(struct ipc_request *request, const void *answer);

/* Has a function told of the answer when it is given; not when the request ends with its socket. One for each
 * request. */
typedef void ipc_answered_function(void *context, int64_t number);
void ipc_on_answered(struct ipc_request *request, ipc_answered_function *on_answered, void *context,
                     int64_t number);

/* Answers {} for operations whose answer is `done`. */
void ipc_answer_done(struct ipc_request *request);
void ipc_fail(struct ipc_request *request, const struct error *error);

#endif
