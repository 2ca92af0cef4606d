#include "services/stored/workspace/workspace_files.h"

#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/stored/artifacts/artifact_file.h"
#include "services/stored/workspace/folder_listing.h"

#include <errno.h>
#include <stdlib.h>

enum { ENTRIES_EACH_TURN = 500 }; /* a millisecond or two: other work waits no longer than that */

struct pending_list {
    const struct message_workspace_list *asked; /* lives as long as the request */
    struct ipc_request *request;
    struct pending_list *next;
};

struct workspace_files {
    const struct workspace *workspace;
    struct loop_timer turn;
    struct folder_listing *reading; /* for the first one; NULL before its first turn */
    struct pending_list *first;
    struct pending_list **last;
    size_t count;
};

/* --- listings --- */

/* The request of the first one, which is forgotten. */
static struct ipc_request *remove_first(struct workspace_files *files)
{
    struct pending_list *first = files->first;
    struct ipc_request *request = first->request;
    folder_listing_free(files->reading);
    files->reading = NULL;
    files->first = first->next;
    files->count--;
    if (!files->first)
        files->last = &files->first;
    free(first);
    return request;
}

static void answer_first(struct workspace_files *files)
{
    struct message_workspace_entries found;
    folder_listing_take(files->reading, &found);
    ipc_answer(remove_first(files), &found);
    message_clear(&message_workspace_entries_type, &found);
}

/* Opened when its turn comes: those that wait hold no descriptors. */
static bool begin_first(struct workspace_files *files, struct error *error)
{
    const struct message_workspace_list *asked = files->first->asked;
    int fd = workspace_open_folder(files->workspace, asked->path, error);
    if (fd >= 0)
        files->reading = folder_listing_create(fd, asked->after, LIMIT_ENTRIES_LISTED, error);
    return files->reading != NULL;
}

static void on_turn(void *context)
{
    struct workspace_files *files = context;
    struct error error;
    enum folder_listing_state state = FOLDER_LISTING_FAILED;
    if (files->reading || begin_first(files, &error))
        state = folder_listing_step(files->reading, ENTRIES_EACH_TURN, &error);
    if (state == FOLDER_LISTING_DONE)
        answer_first(files);
    else if (state == FOLDER_LISTING_FAILED)
        ipc_fail(remove_first(files), &error);
    if (files->first)
        loop_timer_start(&files->turn, 0);
}

struct workspace_files *workspace_files_create(struct loop *loop, const struct workspace *workspace)
{
    struct workspace_files *files = memory_allocate(sizeof *files);
    *files = (struct workspace_files){.workspace = workspace};
    files->last = &files->first;
    loop_timer_init(&files->turn, loop, on_turn, files);
    return files;
}

void workspace_files_free(struct workspace_files *files)
{
    if (!files)
        return;
    loop_timer_stop(&files->turn);
    while (files->first)
        remove_first(files);
    free(files);
}

void workspace_files_list(struct workspace_files *files, const struct message_workspace_list *asked,
                          struct ipc_request *request)
{
    if (files->count == WORKSPACE_LISTS_MAX) {
        struct error error;
        error_set(&error, ERROR_UNAVAILABLE, "%d folders of the task are being listed, the limit",
                  WORKSPACE_LISTS_MAX);
        ipc_fail(request, &error);
        return;
    }
    struct pending_list *pending = memory_allocate(sizeof *pending);
    *pending = (struct pending_list){.asked = asked, .request = request};
    *files->last = pending;
    files->last = &pending->next;
    files->count++;
    if (!loop_timer_running(&files->turn))
        loop_timer_start(&files->turn, 0);
}

void workspace_files_cancel(struct workspace_files *files, const struct error *reason)
{
    loop_timer_stop(&files->turn);
    while (files->first)
        ipc_fail(remove_first(files), reason);
}

/* --- pieces of files --- */

static bool check_piece(const struct message_file_read *asked, struct error *error)
{
    if (asked->offset_bytes < 0)
        return error_set(error, ERROR_INVALID, "offset_bytes must not be negative, got %lld",
                         (long long)asked->offset_bytes);
    if (asked->limit_bytes < 0)
        return error_set(error, ERROR_INVALID, "limit_bytes must not be negative, got %lld",
                         (long long)asked->limit_bytes);
    if (asked->limit_bytes > LIMIT_INLINE_BYTES)
        return error_set(error, ERROR_TOO_LARGE, "limit_bytes is %lld, the limit is %d",
                         (long long)asked->limit_bytes, LIMIT_INLINE_BYTES);
    return true;
}

static bool read_piece(const struct artifact_file *file, const struct message_file_read *asked,
                       struct message_file_bytes *answer, struct error *error)
{
    int64_t left = file->bytes - asked->offset_bytes; /* neither is negative: no overflow */
    size_t wanted = left <= 0 ? 0 : (size_t)(left < asked->limit_bytes ? left : asked->limit_bytes);
    *answer = (struct message_file_bytes){.size_bytes = file->bytes};
    if (wanted == 0)
        return true;
    answer->bytes.bytes = memory_allocate(wanted);
    ssize_t got = artifact_file_read(file, asked->offset_bytes, answer->bytes.bytes, wanted);
    if (got >= 0) {
        answer->bytes.length = (size_t)got;
        return true;
    }
    error_set_errno(error, errno, "cannot read %.200s", asked->path);
    message_clear(&message_file_bytes_type, answer);
    return false;
}

bool workspace_files_read(const struct workspace *workspace, const struct message_file_read *asked,
                          struct message_file_bytes *answer, struct error *error)
{
    struct artifact_file file;
    if (!check_piece(asked, error))
        return false;
    int fd = workspace_open_file(workspace, asked->path, error);
    if (fd < 0 || !artifact_file_take(&file, fd, error))
        return false;
    bool ok = read_piece(&file, asked, answer, error);
    artifact_file_close(&file);
    return ok;
}
