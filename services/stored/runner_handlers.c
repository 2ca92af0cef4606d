/* What runner hosts and jobs ask; the key of their own task is all that they have to show. */
#include "services/stored/handlers.h"

#include "libcommon/service.h"
#include "services/stored/artifact.h"
#include "services/stored/input.h"
#include "services/stored/session.h"

static void handle_materialize(void *opaque, struct ipc_request *request, const void *message)
{
    const struct service_context *context = opaque;
    const struct message_input_materialize *asked = message;
    struct error error;
    struct session *session = session_find(context->state, &asked->task_key, &error);
    if (session)
        input_materialize(session, asked->cid, request);
    else
        ipc_fail(request, &error);
}

static void handle_put(void *opaque, struct ipc_request *request, const void *message)
{
    const struct service_context *context = opaque;
    const struct message_artifact_put *put = message;
    struct error error;
    struct session *session = session_find(context->state, &put->task_key, &error);
    if (session)
        artifact_put(session, put, request);
    else
        ipc_fail(request, &error);
}

static void handle_open(void *opaque, struct ipc_request *request, const void *message)
{
    const struct service_context *context = opaque;
    const struct message_artifact_open *open = message;
    struct error error;
    struct session *session = session_find(context->state, &open->task_key, &error);
    if (session)
        artifact_open(session, open, request);
    else
        ipc_fail(request, &error);
}

static void handle_grow(void *opaque, struct ipc_request *request, const void *message)
{
    const struct service_context *context = opaque;
    const struct message_artifact_grow *grow = message;
    struct error error;
    struct session *session = session_find(context->state, &grow->task_key, &error);
    if (session)
        artifact_grow(session, grow, request);
    else
        ipc_fail(request, &error);
}

static void handle_finish(void *opaque, struct ipc_request *request, const void *message)
{
    const struct service_context *context = opaque;
    const struct message_artifact_finish *finish = message;
    struct error error;
    struct session *session = session_find(context->state, &finish->task_key, &error);
    if (session)
        artifact_finish(session, finish, request);
    else
        ipc_fail(request, &error);
}

const struct ipc_handler runner_handlers[] = {
    {OPERATION_input_materialize, handle_materialize},
    {OPERATION_artifact_put, handle_put},
    {OPERATION_artifact_open, handle_open},
    {OPERATION_artifact_grow, handle_grow},
    {OPERATION_artifact_finish, handle_finish},
    {OPERATION_artifact_put_bytes, handle_artifact_put_bytes},
    {OPERATION_workspace_list, handle_workspace_list},
    {OPERATION_file_read, handle_file_read},
};
const size_t runner_handler_count = sizeof runner_handlers / sizeof runner_handlers[0];
