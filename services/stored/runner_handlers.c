/* What runner hosts and jobs ask; the key of their own task is all that they have to show. */
#include "services/stored/handlers.h"

#include "libcommon/service/service.h"
#include "services/stored/artifacts/artifact.h"
#include "services/stored/inputs/input.h"
#include "services/stored/session.h"

/* NULL when `request` was answered with the reason why there is none. */
static struct session *find_session(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    const struct service_context *context = opaque;
    struct error error;
    struct session *session = session_find(context->state, task_key, &error);
    if (!session)
        ipc_fail(request, &error);
    return session;
}

/* As above; also NULL when nothing new may begin in it. */
static struct session *find_active(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    struct error error;
    struct session *session = find_session(opaque, task_key, request);
    if (!session || session_check_active(session, &error))
        return session;
    ipc_fail(request, &error);
    return NULL;
}

static void handle_materialize(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_input_materialize *asked = message;
    struct session *session = find_session(opaque, &asked->task_key, request);
    if (session)
        input_materialize(session, asked->cid, request);
}

static void handle_put(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put *put = message;
    struct session *session = find_active(opaque, &put->task_key, request);
    if (session)
        artifact_put(session, put, request);
}

static void handle_put_bytes(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put_bytes *put = message;
    struct session *session = find_active(opaque, &put->task_key, request);
    if (session)
        artifact_put_bytes(session, put, request);
}

static void handle_open(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_open *open = message;
    struct session *session = find_active(opaque, &open->task_key, request);
    if (session)
        artifact_open(session, open, request);
}

static void handle_grow(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_grow *grow = message;
    struct session *session = find_active(opaque, &grow->task_key, request);
    if (session)
        artifact_grow(session, grow, request);
}

static void handle_finish(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_finish *finish = message;
    struct session *session = find_active(opaque, &finish->task_key, request);
    if (session)
        artifact_finish(session, finish, request);
}

const struct ipc_handler runner_handlers[] = {
    {OPERATION_input_materialize, handle_materialize},
    {OPERATION_artifact_put, handle_put},
    {OPERATION_artifact_put_bytes, handle_put_bytes},
    {OPERATION_artifact_open, handle_open},
    {OPERATION_artifact_grow, handle_grow},
    {OPERATION_artifact_finish, handle_finish},
};
const size_t runner_handler_count = sizeof runner_handlers / sizeof runner_handlers[0];
