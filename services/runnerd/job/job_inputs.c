#include "services/runnerd/job/job_inputs.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_writer.h"
#include "services/runnerd/workspace/job_files.h"

#include <stdlib.h>
#include <string.h>

enum { INPUTS_AT_ONCE = 4 };

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

static bool write_task_files(const struct job_inputs *inputs, struct error *error)
{
    const char *task = inputs->command->task ? inputs->command->task : "{}";
    char *described = describe_inputs(inputs->items, inputs->command->inputs.count);
    bool ok = job_files_write(inputs->workspace_fd, JOB_FILES_TASK, task, strlen(task), error) &&
              job_files_write(inputs->workspace_fd, JOB_FILES_INPUTS, described, strlen(described), error);
    free(described);
    return ok;
}

/* --- transfers --- */

static struct ipc_call *ask(void *context, size_t item, ipc_answer_function *on_answer, void *transfer)
{
    const struct job_inputs *inputs = context;
    const struct message_input_materialize asked = {.task_key = inputs->command->task_key,
                                                    .cid = inputs->command->inputs.items[item]};
    return call_input_materialize(inputs->stored, &asked, on_answer, transfer);
}

static void on_answer(void *context, size_t item, const void *answer)
{
    struct job_inputs *inputs = context;
    message_copy(&message_input_type, &inputs->items[item], answer);
}

static void on_end(void *context, size_t item, const struct error *failure)
{
    struct job_inputs *inputs = context;
    struct error error;
    char *reason = NULL;
    if (failure)
        reason = memory_format("input %.1024s: %s (%s)", inputs->command->inputs.items[item], failure->text,
                               error_code_name(failure->code));
    else if (!write_task_files(inputs, &error))
        reason = memory_copy_text(error.text);
    inputs->on_end(inputs->context, reason);
    free(reason);
}

void job_inputs_start(struct job_inputs *inputs)
{
    size_t count = inputs->command->inputs.count;
    inputs->items = memory_allocate_array(count + 1, sizeof *inputs->items);
    transfer_pool_start(&inputs->transfers, &(struct transfer_pool_options){.item_count = count,
                                                                            .at_once = INPUTS_AT_ONCE,
                                                                            .ask = ask,
                                                                            .on_answer = on_answer,
                                                                            .on_end = on_end,
                                                                            .context = inputs});
}

void job_inputs_clear(struct job_inputs *inputs)
{
    transfer_pool_cancel(&inputs->transfers);
    for (size_t i = 0; inputs->items && i < inputs->command->inputs.count; i++)
        message_clear(&message_input_type, &inputs->items[i]);
    free(inputs->items);
    inputs->items = NULL;
}
