/* The work of a noop job, without a program: it sleeps and leaves the files of docs/network.md 5. */
#include "services/runnerd/work/work.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_writer.h"
#include "services/runnerd/workspace/job_files.h"

#include <stdlib.h>
#include <string.h>

static const char point_cloud[] = "ply\n"
                                  "format ascii 1.0\n"
                                  "comment made by a noop runner\n"
                                  "element vertex 0\n"
                                  "property float x\n"
                                  "property float y\n"
                                  "property float z\n"
                                  "end_header\n";

static const char *const file_paths[] = {
    "job_manifest.json",
    "refined/global/refined_manifest.json",
    "refined/global/RefinedPointCloudReduced.ply",
    "outputs_index.json",
    "result.json",
    "scan_data_summary.json",
};
enum { FILE_COUNT = sizeof file_paths / sizeof file_paths[0] };

static char *input_event(const struct message_input *input)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "event", "materialize_input");
    json_writer_string_member(&writer, "cid", input->cid);
    json_writer_string_member(&writer, "dataId", input->data_id);
    json_writer_string_member(&writer, "dataType", input->data_type);
    json_writer_string_member(&writer, "name", input->name);
    json_writer_string_member(&writer, "domainId", input->domain_id);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

/* --- the files --- */

static void write_inputs(struct json_writer *writer, const struct message_input *inputs, size_t count)
{
    json_writer_key(writer, "inputs");
    json_writer_open_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_writer_open_object(writer);
        json_writer_string_member(writer, "cid", inputs[i].cid);
        json_writer_string_member(writer, "dataId", inputs[i].data_id);
        json_writer_string_member(writer, "dataType", inputs[i].data_type);
        json_writer_string_member(writer, "name", inputs[i].name);
        json_writer_string_member(writer, "path", inputs[i].path);
        json_writer_close_object(writer);
    }
    json_writer_close_array(writer);
}

static void write_outputs(struct json_writer *writer)
{
    json_writer_key(writer, "outputs");
    json_writer_open_array(writer);
    for (size_t i = 0; i < FILE_COUNT; i++)
        json_writer_string(writer, file_paths[i]);
    json_writer_close_array(writer);
}

/* Each file's JSON says whose it is, and then what its name promises. */
static char *file_json(size_t index, const struct message_host_command *command,
                       const struct message_input *inputs)
{
    struct json_writer writer = JSON_WRITER_EMPTY;
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "taskId", command->task_id);
    json_writer_string_member(&writer, "jobId", command->job_id);
    json_writer_string_member(&writer, "domainId", command->domain_id);
    json_writer_string_member(&writer, "capability", command->capability);
    json_writer_key(&writer, "noop");
    json_writer_bool(&writer, true);
    switch (index) {
    case 0:
        json_writer_string_member(&writer, "jobStatus", "succeeded");
        write_inputs(&writer, inputs, command->inputs.count);
        break;
    case 1:
        json_writer_string_member(&writer, "pointCloud", file_paths[2]);
        json_writer_int64_member(&writer, "vertexCount", 0);
        break;
    case 3:
        write_outputs(&writer);
        break;
    case 4:
        json_writer_string_member(&writer, "status", "succeeded");
        break;
    default:
        json_writer_int64_member(&writer, "scanCount", (int64_t)command->inputs.count);
        write_inputs(&writer, inputs, command->inputs.count);
        break;
    }
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

static bool write_files(const struct work_options *options, struct error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < FILE_COUNT; i++) {
        bool is_cloud = strstr(file_paths[i], ".ply") != NULL;
        char *path = memory_format(JOB_FILES_OUTPUTS "/%s", file_paths[i]);
        char *text =
            is_cloud ? memory_copy_text(point_cloud) : file_json(i, options->command, options->inputs);
        ok = job_files_write(options->workspace_fd, path, text, strlen(text), error);
        free(text);
        free(path);
    }
    return ok;
}

/* --- the work --- */

struct noop {
    struct work work;
    struct loop_timer sleep;
};

static void on_woken(void *context)
{
    struct noop *noop = context;
    const struct work_options *options = &noop->work.options;
    struct error error;
    bool ok = write_files(options, &error);
    options->on_done(options->context, ok, ok ? NULL : error.text);
}

static struct work *noop_start(const struct work_options *options, struct error *error)
{
    size_t input_count = options->command->inputs.count;
    struct noop *noop = memory_allocate(sizeof *noop);
    (void)error;
    noop->work = (struct work){&work_noop, *options};
    for (size_t i = 0; i < input_count; i++) {
        char *event = input_event(&options->inputs[i]);
        job_updates_event(options->updates, event, strlen(event));
        free(event);
    }
    char *progress = memory_format("{\"stage\":\"inputs_materialized\",\"inputsCount\":%zu}", input_count);
    job_updates_progress(options->updates, progress, strlen(progress));
    free(progress);
    loop_timer_init(&noop->sleep, options->loop, on_woken, noop);
    loop_timer_start(&noop->sleep, options->noop_sleep_secs * 1000);
    return &noop->work;
}

static void noop_stop(struct work *work, int grace_ms)
{
    struct noop *noop = (struct noop *)work;
    (void)grace_ms;
    loop_timer_stop(&noop->sleep);
    work->options.on_done(work->options.context, false, NULL);
}

static void noop_free(struct work *work)
{
    struct noop *noop = (struct noop *)work;
    loop_timer_stop(&noop->sleep);
    free(noop);
}

const struct work_kind work_noop = {
    .last_progress = "{\"stage\":\"completed\"}", .start = noop_start, .stop = noop_stop, .free = noop_free};
