/*
 * The session's table of inputs, by CID. An entry is either being fetched (`request` is set, callers wait) or
 * there (`answer` is filled and given again to whoever asks). What failed is forgotten.
 */
#include "services/stored/inputs/input.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "services/stored/inputs/cid.h"
#include "services/stored/inputs/incoming.h"
#include "services/stored/journal/journal.h"
#include "services/stored/request_list.h"
#include "services/stored/stored.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { SESSION_FILES_MAX = 200000 }; /* their paths stay in memory for repeated requests */

struct input {
    struct session *session;
    char *cid;
    struct request_list waiting;
    struct domain_request *request; /* NULL when the files are there */
    struct incoming *incoming;
    struct multipart_parser *parser;
    struct transfer *transfer;
    bool is_single;              /* one file is asked for: its size is the transfer's */
    struct message_input answer; /* once the files are there */
    int64_t started_ms;
    struct input *next;
    struct input **link;
};

static int compare_cids(const void *left, const void *right)
{
    return strcmp(((const struct input *)left)->cid, ((const struct input *)right)->cid);
}

static void stop_download(struct input *input)
{
    domain_request_cancel(input->request);
    input->request = NULL;
    multipart_parser_free(input->parser);
    input->parser = NULL;
    incoming_free(input->incoming);
    input->incoming = NULL;
    transfer_end(input->transfer, clock_boot_ms());
    input->transfer = NULL;
}

static void input_free(struct input *input)
{
    stop_download(input);
    tdelete(input, &input->session->inputs_by_cid, compare_cids);
    *input->link = input->next;
    if (input->next)
        input->next->link = input->link;
    input->session->input_count--;
    message_clear(&message_input_type, &input->answer);
    request_list_drop(&input->waiting);
    free(input->cid);
    free(input);
}

/* Forgotten, so that asking again tries again. Whoever hears of it finds nothing of it any more. */
static void fail(struct input *input, const struct error *error)
{
    stop_download(input);
    request_list_fail(&input->waiting, error);
    input_free(input);
}

/* --- the download --- */

static void note_progress(struct input *input)
{
    struct transfer_meter *meter = transfer_meter_of(input->transfer);
    if (input->is_single)
        meter->total_bytes = incoming_announced_bytes(input->incoming);
    transfer_meter_set(meter, incoming_bytes(input->incoming));
}

/* A retry reads the whole answer from its beginning; half of an earlier one must not be mixed into it. */
static void on_attempt(void *context)
{
    struct input *input = context;
    multipart_parser_free(input->parser);
    input->parser = NULL;
    incoming_reset(input->incoming);
    note_progress(input);
}

/* The boundary is in Content-Type, so the parser can be made only now. */
static bool on_headers(void *context, const struct http_response *response, struct error *error)
{
    struct input *input = context;
    const struct multipart_handler handler = incoming_handler(input->incoming);
    input->parser = multipart_parser_create(response->content_type, &handler, error);
    return input->parser != NULL;
}

static bool on_data(void *context, const void *bytes, size_t length, struct error *error)
{
    struct input *input = context;
    bool ok = multipart_parser_feed(input->parser, bytes, length, error);
    note_progress(input);
    return ok;
}

/* A body cut short is found here, when the transfer itself looked complete, and tried again. */
static bool check(void *context, const struct http_response *response, struct error *error)
{
    struct input *input = context;
    (void)response;
    if (!input->parser)
        return error_set(error, ERROR_INVALID, "the answer has no multipart body");
    return multipart_parser_finish(input->parser, error);
}

static bool place(struct input *input, struct error *error)
{
    struct session *session = input->session;
    size_t files = incoming_file_count(input->incoming);
    if (session->input_files + files > SESSION_FILES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "the task's inputs have more than %d files",
                         SESSION_FILES_MAX);
    if (!incoming_place(input->incoming, session->input_paths, input->cid, &input->answer, error))
        return false;
    session->input_files += files;
    journal_input_placed(session->stored->journal, session->task_id, &input->answer);
    return true;
}

static void on_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct input *input = context;
    const struct log_task *log = &input->session->log;
    struct error error;
    (void)response;
    input->request = NULL;
    bool ok = !failure && place(input, &error);
    if (!ok) {
        if (failure)
            error = *failure;
        log_write(LOG_LEVEL_WARN, log, "cannot materialise input %.200s: %s", input->cid, error.text);
        fail(input, &error);
        return;
    }
    log_write(LOG_LEVEL_INFO, log, "materialised input %.200s: %zu file%s, %lld bytes, %.1f s", input->cid,
              incoming_file_count(input->incoming), incoming_file_count(input->incoming) == 1 ? "" : "s",
              (long long)incoming_bytes(input->incoming),
              (double)(clock_boot_ms() - input->started_ms) / 1000);
    stop_download(input);
    request_list_answer(&input->waiting, &input->answer);
}

static void start_download(struct input *input, const struct cid_query *query)
{
    struct session *session = input->session;
    char *path = cid_request_path(query);
    if (query->foreign)
        log_write(LOG_LEVEL_WARN, &session->log, "input %.200s names another server; it is read from %s",
                  input->cid, session->access.server_url);
    input->incoming = incoming_create(&session->workspace, ++session->input_number);
    input->started_ms = clock_boot_ms();
    input->is_single = query->id_count == 1;
    input->transfer = transfer_begin(&session->stored->transfers, session->task_id, TRANSFER_IN, input->cid,
                                     -1, input->started_ms);
    input->request = domain_request_send(&session->access, &(struct domain_request_spec){
                                                               .method = "GET",
                                                               .path = path,
                                                               .accept = "multipart/form-data",
                                                               .transfer = true,
                                                               .on_attempt = on_attempt,
                                                               .on_headers = on_headers,
                                                               .on_data = on_data,
                                                               .check = check,
                                                               .on_done = on_done,
                                                               .context = input,
                                                           });
    free(path);
}

/* --- the session's inputs --- */

static struct input *find(const struct session *session, const char *cid)
{
    const struct input key = {.cid = (char *)(uintptr_t)cid};
    struct input *const *node = tfind(&key, &session->inputs_by_cid, compare_cids);
    return node ? *node : NULL;
}

static struct input *input_create(struct session *session, const char *cid)
{
    struct input *input = memory_allocate(sizeof *input);
    *input = (struct input){.session = session, .cid = memory_copy_text(cid), .next = session->inputs};
    input->link = &session->inputs;
    if (input->next)
        input->next->link = &input->next;
    session->inputs = input;
    if (!tsearch(input, &session->inputs_by_cid, compare_cids))
        memory_exhausted();
    session->input_count++;
    return input;
}

void input_materialize(struct session *session, const char *cid, struct ipc_request *request)
{
    struct error error;
    struct cid_query query;
    struct input *input = find(session, cid);
    if (input && !input->request) {
        ipc_answer(request, &input->answer);
        return;
    }
    if (input) {
        request_list_add(&input->waiting, request);
        return;
    }
    bool ok =
        session->input_count < LIMIT_TASK_CIDS ||
        error_set(&error, ERROR_TOO_LARGE, "the task has asked for %d inputs, the limit", LIMIT_TASK_CIDS);
    if (!ok || !session_check_active(session, &error) ||
        !cid_parse(cid, session->access.server_url, session->domain_id, &query, &error)) {
        ipc_fail(request, &error);
        return;
    }
    input = input_create(session, cid);
    request_list_add(&input->waiting, request);
    start_download(input, &query);
    cid_query_clear(&query);
}

static void restore(void *context, const struct journal_record *record)
{
    struct session *session = context;
    const struct message_input *answer = record->message;
    struct input *input = input_create(session, answer->cid);
    message_copy(&message_input_type, &input->answer, answer);
    input_path_take(session->input_paths, answer->path);
    for (size_t i = 0; i < answer->related_files.count; i++)
        input_path_take(session->input_paths, answer->related_files.items[i]);
    session->input_files += 1 + answer->related_files.count;
}

void inputs_restore(struct session *session)
{
    journal_visit_records(session->stored->journal, JOURNAL_INPUTS, session->task_id, restore, session);
}

/* Failing an input frees it, hence the saved `next`. */
void inputs_cancel(struct session *session, const struct error *reason)
{
    struct input *next = NULL;
    for (struct input *input = session->inputs; input; input = next) {
        next = input->next;
        if (input->request)
            fail(input, reason);
    }
}

void inputs_drop(struct session *session)
{
    struct input *next = NULL;
    for (struct input *input = session->inputs; input; input = next) {
        next = input->next;
        input_free(input);
    }
}
