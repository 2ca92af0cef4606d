/* What runner hosts and jobs ask about files, in pieces that fit a message:
 * services/stored/workspace_files.h. */
#include "services/stored/handlers.h"

#include "libcommon/service.h"
#include "services/stored/artifact.h"
#include "services/stored/session.h"
#include "services/stored/workspace_files.h"

/* The session that may be worked with; NULL when `request` was answered with the reason why there is none. */
static struct session *find_active(void *opaque, const struct secret *task_key, struct ipc_request *request)
{
    const struct service_context *context = opaque;
    struct error error;
    struct session *session = session_find(context->state, task_key, &error);
    if (session && session_check_active(session, &error))
        return session;
    ipc_fail(request, &error);
    return NULL;
}

void handle_workspace_list(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_workspace_list *asked = message;
    const struct session *session = find_active(opaque, &asked->task_key, request);
    if (session)
        workspace_files_list(session->files, asked, request);
}

void handle_file_read(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_file_read *asked = message;
    struct message_file_bytes answer;
    struct error error;
    const struct session *session = find_active(opaque, &asked->task_key, request);
    if (!session)
        return;
    if (!workspace_files_read(&session->workspace, asked, &answer, &error)) {
        ipc_fail(request, &error);
        return;
    }
    ipc_answer(request, &answer);
    message_clear(&message_file_bytes_type, &answer);
}

void handle_artifact_put_bytes(void *opaque, struct ipc_request *request, const void *message)
{
    const struct message_artifact_put_bytes *put = message;
    struct session *session = find_active(opaque, &put->task_key, request);
    if (session)
        artifact_put_bytes(session, put, request);
}
