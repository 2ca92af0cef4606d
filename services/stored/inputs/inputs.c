/*
 * The table of inputs, by CID. An entry is either pending (callers wait: it is being fetched, or is whole and
 * waits for its turn) or there (`answer` is filled and given again to whoever asks). What failed is
 * forgotten.
 *
 * Of files that would land on one path the first one asked for has it, however the downloads finish
 * (docs/network.md 4.1). What an answer contains is known only when it is whole, so an input is placed when
 * all that were asked for before it are placed, or have failed.
 */
#include "services/stored/inputs/inputs.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/limits.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "services/stored/inputs/cid.h"
#include "services/stored/inputs/incoming.h"
#include "services/stored/transfers/request_list.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { FILES_MAX = 200000 }; /* their paths stay in memory for repeated requests */

struct inputs {
    struct inputs_spec spec;
    struct input_path_set *paths;
    LIST_HEAD(input_list, input) list;
    TAILQ_HEAD(pending_inputs, input) pending; /* in the order in which they were asked for */
    void *by_cid;                              /* the same, for tsearch(): tasks have thousands */
    size_t count;
    size_t file_count;
    unsigned number; /* of the latest download */
};

struct input {
    struct inputs *inputs;
    char *cid;
    struct request_list waiting;
    bool pending;
    bool received;                  /* whole, and pending still */
    struct domain_request *request; /* NULL when it is received */
    struct incoming *incoming;
    struct multipart_parser *parser;
    struct transfer *transfer;
    bool is_single;              /* one file is asked for: its size is the transfer's */
    struct message_input answer; /* once the files are there */
    int64_t started_ms;
    LIST_ENTRY(input) link;
    TAILQ_ENTRY(input) turn; /* while it is pending */
};

static int compare_cids(const void *left, const void *right)
{
    return strcmp(((const struct input *)left)->cid, ((const struct input *)right)->cid);
}

/* What has come stays. */
static void end_download(struct input *input)
{
    domain_request_cancel(input->request);
    input->request = NULL;
    multipart_parser_free(input->parser);
    input->parser = NULL;
    transfer_end(input->transfer, clock_boot_ms());
    input->transfer = NULL;
}

static void leave_queue(struct input *input)
{
    if (input->pending)
        TAILQ_REMOVE(&input->inputs->pending, input, turn);
    input->pending = false;
}

static void end_pending(struct input *input)
{
    end_download(input);
    incoming_free(input->incoming);
    input->incoming = NULL;
    leave_queue(input);
}

static void input_free(struct input *input)
{
    end_pending(input);
    tdelete(input, &input->inputs->by_cid, compare_cids);
    LIST_REMOVE(input, link);
    input->inputs->count--;
    message_clear(&message_input_type, &input->answer);
    request_list_drop(&input->waiting);
    free(input->cid);
    free(input);
}

/* Forgotten, so that asking again tries again. Whoever hears of it finds nothing of it any more. */
static void fail(struct input *input, const struct error *error)
{
    const struct inputs_spec *spec = &input->inputs->spec;
    end_pending(input);
    journal_input_failed(spec->journal, spec->task_id, input->cid);
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
    struct inputs *inputs = input->inputs;
    size_t files = incoming_file_count(input->incoming);
    if (inputs->file_count + files > FILES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "the task's inputs have more than %d files", FILES_MAX);
    if (!incoming_place(input->incoming, inputs->paths, input->cid, &input->answer, error))
        return false;
    inputs->file_count += files;
    journal_input_placed(inputs->spec.journal, inputs->spec.task_id, &input->answer);
    return true;
}

static void give_up(struct input *input, const struct error *reason)
{
    log_write(LOG_LEVEL_WARN, &input->inputs->spec.access->log, "cannot materialise input %.*s: %s",
              TEXT_CUT(input->cid, 200), reason->text);
    fail(input, reason);
}

static void finish(struct input *input)
{
    struct error error;
    if (!place(input, &error)) {
        give_up(input, &error);
        return;
    }
    size_t files = incoming_file_count(input->incoming);
    int64_t bytes = incoming_bytes(input->incoming);
    log_write(
        LOG_LEVEL_INFO, &input->inputs->spec.access->log, "materialised input %.*s: %zu %s, %lld %s, %.1f s",
        TEXT_CUT(input->cid, 200), files, text_plural(files, "file", "files"), (long long)bytes,
        text_plural((size_t)bytes, "byte", "bytes"), (double)(clock_boot_ms() - input->started_ms) / 1000);
    end_pending(input);
    request_list_answer(&input->waiting, &input->answer);
}

static void finish_whose_turn_it_is(struct inputs *inputs)
{
    for (struct input *input = TAILQ_FIRST(&inputs->pending), *next; input && input->received; input = next) {
        next = TAILQ_NEXT(input, turn);
        finish(input);
    }
}

static void on_done(void *context, const struct http_response *response, const struct error *failure)
{
    struct input *input = context;
    struct inputs *inputs = input->inputs;
    (void)response;
    input->request = NULL;
    if (failure) {
        give_up(input, failure);
    } else {
        end_download(input);
        input->received = true;
    }
    finish_whose_turn_it_is(inputs);
}

static void start_download(struct input *input, const struct cid_query *query)
{
    const struct inputs_spec *spec = &input->inputs->spec;
    char *path = cid_request_path(query);
    if (query->foreign)
        log_write(LOG_LEVEL_WARN, &spec->access->log, "input %.*s names another server; it is read from %s",
                  TEXT_CUT(input->cid, 200), spec->access->server_url);
    TAILQ_INSERT_TAIL(&input->inputs->pending, input, turn);
    input->pending = true;
    input->incoming = incoming_create(spec->workspace, ++input->inputs->number);
    input->started_ms = clock_boot_ms();
    input->is_single = query->id_count == 1;
    input->transfer =
        transfer_begin(spec->transfers, spec->task_id, TRANSFER_IN, input->cid, -1, input->started_ms);
    input->request = domain_request_send(spec->access, &(struct domain_request_spec){
                                                           .method = "GET",
                                                           .path = path,
                                                           .accept = "multipart/form-data",
                                                           .transfer = true,
                                                           .share = transfer_share_of(input->transfer),
                                                           .on_attempt = on_attempt,
                                                           .on_headers = on_headers,
                                                           .on_data = on_data,
                                                           .check = check,
                                                           .on_done = on_done,
                                                           .context = input,
                                                       });
    free(path);
}

/* --- the table --- */

static struct input *find(const struct inputs *inputs, const char *cid)
{
    const struct input key = {.cid = (char *)(uintptr_t)cid};
    struct input *const *node = tfind(&key, &inputs->by_cid, compare_cids);
    return node ? *node : NULL;
}

static struct input *input_create(struct inputs *inputs, const char *cid)
{
    struct input *input = memory_allocate(sizeof *input);
    *input = (struct input){.inputs = inputs, .cid = memory_copy_text(cid)};
    LIST_INSERT_HEAD(&inputs->list, input, link);
    if (!tsearch(input, &inputs->by_cid, compare_cids))
        memory_exhausted();
    inputs->count++;
    return input;
}

/* The input, for which nobody waits yet; NULL when it cannot be fetched. */
static struct input *fetch(struct inputs *inputs, const char *cid, struct error *error)
{
    const struct inputs_spec *spec = &inputs->spec;
    struct cid_query query;
    bool ok =
        inputs->count < LIMIT_TASK_CIDS ||
        error_set(error, ERROR_TOO_LARGE, "the task has asked for %d inputs, the limit", LIMIT_TASK_CIDS);
    if (!ok || !cid_parse(cid, spec->access->server_url, spec->domain_id, &query, error))
        return NULL;
    struct input *input = input_create(inputs, cid);
    journal_input_asked(spec->journal, spec->task_id, cid);
    start_download(input, &query);
    cid_query_clear(&query);
    return input;
}

void inputs_ask(struct inputs *inputs, const char *cid, const struct error *refusal,
                struct ipc_request *request)
{
    struct error error;
    struct input *input = find(inputs, cid);
    if (!input && !refusal)
        input = fetch(inputs, cid, &error);
    if (!input)
        ipc_fail(request, refusal ? refusal : &error);
    else if (input->pending)
        request_list_add(&input->waiting, request);
    else
        ipc_answer(request, &input->answer);
}

struct inputs *inputs_create(const struct inputs_spec *spec)
{
    struct inputs *inputs = memory_allocate(sizeof *inputs);
    *inputs = (struct inputs){.spec = *spec, .paths = input_path_set_create()};
    TAILQ_INIT(&inputs->pending);
    return inputs;
}

static void restore(void *context, const struct journal_record *record)
{
    struct inputs *inputs = context;
    const struct message_input *answer = record->message;
    struct input *input = input_create(inputs, answer->cid);
    message_copy(&message_input_type, &input->answer, answer);
    input_path_take(inputs->paths, answer->path);
    for (size_t i = 0; i < answer->related_files.count; i++)
        input_path_take(inputs->paths, answer->related_files.items[i]);
    inputs->file_count += 1 + answer->related_files.count;
}

size_t inputs_restore(struct inputs *inputs)
{
    journal_visit_records(inputs->spec.journal, JOURNAL_INPUTS, inputs->spec.task_id, restore, inputs);
    return inputs->count;
}

/* One that has ended stored again and again must not do so before anybody asks for it. */
static bool check_deaths(const struct inputs_spec *spec, const char *cid, struct error *error)
{
    const struct journal_request request = {spec->task_id, "input_materialize", cid};
    return journal_check_deaths(spec->journal, &request, error);
}

/* In the order of before: who asked will ask again in any order, if at all. */
void inputs_resume(struct inputs *inputs)
{
    const struct inputs_spec *spec = &inputs->spec;
    struct text_list cids = {0};
    struct error error;
    journal_inputs_asked(spec->journal, spec->task_id, &cids);
    for (size_t i = 0; i < cids.count; i++) {
        const char *cid = cids.items[i];
        if (find(inputs, cid) || (check_deaths(spec, cid, &error) && fetch(inputs, cid, &error)))
            continue;
        log_write(LOG_LEVEL_WARN, &spec->access->log, "input %.*s is not fetched again: %s",
                  TEXT_CUT(cid, 200), error.text);
        journal_input_failed(spec->journal, spec->task_id, cid);
    }
    text_list_clear(&cids);
}

/* Failing an input frees it, hence the saved `next`. */
void inputs_cancel(struct inputs *inputs, const struct error *reason)
{
    for (struct input *input = LIST_FIRST(&inputs->list), *next; input; input = next) {
        next = LIST_NEXT(input, link);
        if (input->pending)
            fail(input, reason);
    }
}

void inputs_free(struct inputs *inputs)
{
    if (!inputs)
        return;
    for (struct input *input = LIST_FIRST(&inputs->list), *next; input; input = next) {
        next = LIST_NEXT(input, link);
        input_free(input);
    }
    input_path_set_free(inputs->paths);
    free(inputs);
}
