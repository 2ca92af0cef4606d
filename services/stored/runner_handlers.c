/* What runner hosts and jobs ask; the key of their own task is all that they have to show. */
#include "services/stored/runner_handlers.h"

#include "services/stored/artifacts/artifact_put.h"
#include "services/stored/artifacts/artifact_stream.h"
#include "services/stored/stored.h"

/* NULL when `request` was answered with the reason why there is none. */
static struct session *find_session(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    const struct service_context *context = opaque;
    const struct stored *stored = context->state;
    struct error error;
    struct session *session = sessions_find(stored->sessions, task_key, &error);
    if (!session)
        ipc_fail(request, &error);
    return session;
}

static bool check_active(const struct session *session, struct ipc_request *request)
{
    struct error error;
    bool active = session_check_active(session, &error);
    if (!active)
        ipc_fail(request, &error);
    return active;
}

/* As find_session; also NULL when nothing new may begin in it. */
static struct session *find_active(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    struct session *session = find_session(opaque, task_key, request);
    return session && check_active(session, request) ? session : NULL;
}

/* An input that is there is given also when nothing new may begin. */
void stored_handle_input_materialize(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_input_materialize *asked = message;
    const struct session *session = find_session(opaque, &asked->task_key, request);
    if (session && !inputs_join(session->inputs, asked->cid, request) && check_active(session, request))
        inputs_fetch(session->inputs, asked->cid, request);
}

void stored_handle_artifact_put(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put *put = message;
    const struct session *session = find_active(opaque, &put->task_key, request);
    if (session)
        artifact_put(session->artifacts, put, request);
}

void stored_handle_artifact_put_bytes(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put_bytes *put = message;
    const struct session *session = find_active(opaque, &put->task_key, request);
    if (session)
        artifact_put_bytes(session->artifacts, put, request);
}

void stored_handle_artifact_open(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_open *open = message;
    const struct session *session = find_active(opaque, &open->task_key, request);
    if (session)
        artifact_open(session->artifacts, open, request);
}

void stored_handle_artifact_grow(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_grow *grow = message;
    const struct session *session = find_active(opaque, &grow->task_key, request);
    if (session)
        artifact_grow(session->artifacts, grow, request);
}

void stored_handle_artifact_finish(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_finish *finish = message;
    const struct session *session = find_active(opaque, &finish->task_key, request);
    if (session)
        artifact_finish(session->artifacts, finish, request);
}
