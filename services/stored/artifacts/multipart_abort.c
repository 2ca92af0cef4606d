/* Each has its own copy of the way to the server, because the session is often closed in the same turn of the
 * loop. */
#include "services/stored/artifacts/multipart_abort.h"

#include "libcommon/base/memory.h"
#include "services/stored/artifacts/data_path.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { ABORTS_MAX = 64 }; /* a server that does not answer must not have us collect them */

struct multipart_abort {
    struct multipart_aborts *aborts;
    struct domain_access access;
    struct domain_request *request;
    char *task_id;
    LIST_ENTRY(multipart_abort) link;
};

struct multipart_aborts {
    LIST_HEAD(multipart_abort_list, multipart_abort) list;
    size_t count;
    multipart_abort_ended *on_ended;
    void *context;
};

struct multipart_aborts *multipart_aborts_create(multipart_abort_ended *on_ended, void *context)
{
    struct multipart_aborts *aborts = memory_allocate(sizeof *aborts);
    *aborts = (struct multipart_aborts){.on_ended = on_ended, .context = context};
    return aborts;
}

bool multipart_aborts_idle(const struct multipart_aborts *aborts)
{
    return aborts->count == 0;
}

bool multipart_aborts_has(const struct multipart_aborts *aborts, const char *task_id)
{
    const struct multipart_abort *item = LIST_FIRST(&aborts->list);
    while (item && strcmp(item->task_id, task_id) != 0)
        item = LIST_NEXT(item, link);
    return item;
}

static void abort_free(struct multipart_abort *upload_abort)
{
    LIST_REMOVE(upload_abort, link);
    upload_abort->aborts->count--;
    domain_request_cancel(upload_abort->request);
    domain_access_clear(&upload_abort->access);
    free(upload_abort->task_id);
    free(upload_abort);
}

void multipart_aborts_free(struct multipart_aborts *aborts)
{
    if (!aborts)
        return;
    for (struct multipart_abort *item = LIST_FIRST(&aborts->list), *next; item; item = next) {
        next = LIST_NEXT(item, link);
        abort_free(item);
    }
    free(aborts);
}

static void on_deleted(void *context, const struct http_response *response, const struct error *failure)
{
    struct multipart_abort *upload_abort = context;
    struct multipart_aborts *aborts = upload_abort->aborts;
    (void)response;
    upload_abort->request = NULL;
    if (failure)
        log_write(LOG_LEVEL_WARN, &upload_abort->access.log,
                  "an upload that was given up stays at the server: %s", failure->text);
    char *task_id = upload_abort->task_id;
    upload_abort->task_id = NULL;
    abort_free(upload_abort);
    if (aborts->on_ended)
        aborts->on_ended(aborts->context, task_id);
    free(task_id);
}

void multipart_aborts_add(struct multipart_aborts *aborts, const struct domain_access *access,
                          const char *data_path, const char *upload_id)
{
    struct error error;
    if (aborts->count >= ABORTS_MAX || access->token_lost) {
        log_write(LOG_LEVEL_WARN, &access->log, "an upload that was given up stays at the server: %s",
                  access->token_lost ? "its token was lost with an earlier run of stored"
                                     : "too many of them");
        return;
    }
    struct multipart_abort *upload_abort = memory_allocate(sizeof *upload_abort);
    *upload_abort =
        (struct multipart_abort){.aborts = aborts, .task_id = memory_copy_text(access->log.task_id)};
    LIST_INSERT_HEAD(&aborts->list, upload_abort, link);
    aborts->count++;
    const struct log_task log = {.task_id = upload_abort->task_id};
    if (!domain_access_init(&upload_abort->access, access->client, access->server_url, &log, &error)) {
        log_write(LOG_LEVEL_ERROR, &log, "%s", error.text);
        abort_free(upload_abort);
        return;
    }
    upload_abort->access.reach = access->reach;
    secret_assign_locked(&upload_abort->access.token, access->token.bytes, access->token.length);
    char *path = data_path_of_upload(data_path, upload_id);
    upload_abort->request =
        domain_request_send(&upload_abort->access, &(struct domain_request_spec){.method = "DELETE",
                                                                                 .path = path,
                                                                                 .best_effort = true,
                                                                                 .on_done = on_deleted,
                                                                                 .context = upload_abort});
    free(path);
}
