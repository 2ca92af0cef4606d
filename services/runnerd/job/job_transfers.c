#include "services/runnerd/job/job_transfers.h"

#include "libcommon/base/clock.h"
#include "libcommon/base/memory.h"
#include "libcommon/base/text.h"
#include "libcommon/json/json_writer.h"
#include "services/runnerd/workspace/job_files.h"

#include <stdlib.h>
#include <string.h>

enum { INPUTS_AT_ONCE = TRANSFERS_MAX, OUTPUTS_AT_ONCE = 2 };

static const struct retry_policy retry_policy = {.base_ms = 500, .cap_ms = 10000};

struct transfer_direction {
    const char *noun; /* of an item */
    size_t at_once;
    struct ipc_call *(*ask)(const struct job_transfers *transfers, struct transfer *transfer);
    void (*take)(struct job_transfers *transfers, size_t item, const void *answer);
    bool (*complete)(const struct job_transfers *transfers, struct error *error); /* may be NULL */
};

/* --- the task's files --- */

/* The text of POSEMESH_INPUTS_FILE. free() it. */
static char *describe_inputs(const struct message_input *inputs, size_t count)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_array(&writer);
    for (size_t i = 0; i < count; i++) {
        const struct message_input *input = &inputs[i];
        json_writer_open_object(&writer);
        json_writer_string_member(&writer, "cid", input->cid);
        json_writer_string_member(&writer, "path", input->path);
        json_writer_string_member(&writer, "data_id", input->data_id);
        json_writer_string_member(&writer, "name", input->name);
        json_writer_string_member(&writer, "data_type", input->data_type);
        json_writer_string_member(&writer, "domain_id", input->domain_id);
        json_writer_key(&writer, "related_files");
        json_writer_open_array(&writer);
        for (size_t file = 0; file < input->related_files.count; file++)
            json_writer_string(&writer, input->related_files.items[file]);
        json_writer_close_array(&writer);
        json_writer_close_object(&writer);
    }
    json_writer_close_array(&writer);
    return json_writer_take(&writer);
}

static bool write_task_files(const struct job_transfers *transfers, struct error *error)
{
    const char *task = transfers->command->task ? transfers->command->task : "{}";
    char *described = describe_inputs(transfers->inputs, transfers->command->inputs.count);
    bool ok = job_files_write(transfers->workspace_fd, JOB_FILES_TASK, task, strlen(task), error) &&
              job_files_write(transfers->workspace_fd, JOB_FILES_INPUTS, described, strlen(described), error);
    free(described);
    return ok;
}

/* --- an item --- */

static void on_answer(void *context, const void *answer, const struct error *failure);

static struct ipc_call *ask_for_input(const struct job_transfers *transfers, struct transfer *transfer)
{
    char *cid = transfers->command->inputs.items[transfer->item];
    const struct message_input_materialize input = {.task_key = transfers->command->task_key, .cid = cid};
    transfer->name = cid;
    return call_input_materialize(transfers->stored, &input, on_answer, transfer);
}

static struct ipc_call *offer_output(const struct job_transfers *transfers, struct transfer *transfer)
{
    const struct output_file *file = &transfers->outputs.files[transfer->item];
    char *path = memory_format(JOB_FILES_OUTPUTS "/%s", file->rel_path);
    const struct message_artifact_put put = {.task_key = transfers->command->task_key,
                                             .path = path,
                                             .rel_path = file->rel_path,
                                             .name = file->name,
                                             .data_type = file->data_type,
                                             .id = file->id};
    transfer->name = file->rel_path;
    struct ipc_call *call = call_artifact_put(transfers->stored, &put, on_answer, transfer);
    free(path);
    return call;
}

static void keep_input(struct job_transfers *transfers, size_t item, const void *answer)
{
    message_copy(&message_input_type, &transfers->inputs[item], answer);
}

static void note_output(struct job_transfers *transfers, size_t item, const void *answer)
{
    log_write(LOG_LEVEL_DEBUG, transfers->log, "output %s is stored as %s",
              transfers->outputs.files[item].rel_path, ((const struct message_artifact *)answer)->id);
}

static const struct transfer_direction fetching = {"input", INPUTS_AT_ONCE, ask_for_input, keep_input,
                                                   write_task_files};
static const struct transfer_direction storing = {"output", OUTPUTS_AT_ONCE, offer_output, note_output, NULL};

/* --- all of them --- */

static void fail(struct job_transfers *transfers, const struct transfer *transfer,
                 const struct error *failure)
{
    char *reason =
        memory_format("%s %.*s: %s (%s)", transfers->direction->noun, TEXT_CUT(transfer->name, 1024),
                      failure->text, error_code_name(failure->code));
    job_transfers_cancel(transfers);
    transfers->on_done(transfers->context, reason);
    free(reason);
}

static void succeed(struct job_transfers *transfers)
{
    struct error error;
    bool ok = !transfers->direction->complete || transfers->direction->complete(transfers, &error);
    transfers->on_done(transfers->context, ok ? NULL : error.text);
}

static void ask(void *context)
{
    struct transfer *transfer = context;
    transfer->call = transfer->transfers->direction->ask(transfer->transfers, transfer);
}

static void ask_for_more(struct job_transfers *transfers)
{
    bool waiting = false;
    for (size_t i = 0; i < transfers->direction->at_once; i++) {
        struct transfer *transfer = &transfers->in_flight[i];
        if (!transfer->busy && transfers->next < transfers->count) {
            *transfer = (struct transfer){.transfers = transfers, .busy = true, .item = transfers->next++};
            retry_start(&transfer->retry, &retry_policy, clock_boot_ms());
            loop_timer_init(&transfer->next_try, transfers->loop, ask, transfer);
            ask(transfer);
        }
        waiting = waiting || transfer->busy;
    }
    if (!waiting)
        succeed(transfers);
}

static void ask_again(struct transfer *transfer, const struct error *failure)
{
    const struct job_transfers *transfers = transfer->transfers;
    int64_t wait_ms = retry_next_ms(&transfer->retry, clock_boot_ms(), -1, transfers->random);
    log_write(LOG_LEVEL_DEBUG, transfers->log, "%s %.*s is asked for again in %lld ms: %s",
              transfers->direction->noun, TEXT_CUT(transfer->name, 200), (long long)wait_ms, failure->text);
    loop_timer_start(&transfer->next_try, wait_ms);
}

static void on_answer(void *context, const void *answer, const struct error *failure)
{
    struct transfer *transfer = context;
    transfer->call = NULL;
    if (failure && failure->code == ERROR_UNAVAILABLE) {
        ask_again(transfer, failure);
        return;
    }
    transfer->busy = false;
    if (failure) {
        fail(transfer->transfers, transfer, failure);
        return;
    }
    transfer->transfers->direction->take(transfer->transfers, transfer->item, answer);
    ask_for_more(transfer->transfers);
}

void job_transfers_fetch(struct job_transfers *transfers, job_transfers_function *on_done)
{
    transfers->direction = &fetching;
    transfers->on_done = on_done;
    transfers->count = transfers->command->inputs.count;
    transfers->inputs = memory_allocate_array(transfers->count + 1, sizeof *transfers->inputs);
    ask_for_more(transfers);
}

void job_transfers_store(struct job_transfers *transfers, job_transfers_function *on_done)
{
    struct error error;
    transfers->direction = &storing;
    transfers->on_done = on_done;
    if (!output_scan(transfers->workspace_fd, &transfers->outputs, transfers->log, &error)) {
        on_done(transfers->context, error.text);
        return;
    }
    transfers->next = 0;
    transfers->count = transfers->outputs.count;
    log_write(LOG_LEVEL_INFO, transfers->log, "storing %zu %s", transfers->count,
              text_plural(transfers->count, "output", "outputs"));
    ask_for_more(transfers);
}

void job_transfers_cancel(struct job_transfers *transfers)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        struct transfer *transfer = &transfers->in_flight[i];
        ipc_cancel(transfer->call);
        transfer->call = NULL;
        if (transfer->busy)
            loop_timer_stop(&transfer->next_try);
        transfer->busy = false;
    }
}

void job_transfers_clear(struct job_transfers *transfers)
{
    job_transfers_cancel(transfers);
    for (size_t i = 0; transfers->inputs && i < transfers->command->inputs.count; i++)
        message_clear(&message_input_type, &transfers->inputs[i]);
    free(transfers->inputs);
    output_list_clear(&transfers->outputs);
}
