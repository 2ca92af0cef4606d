/* The noop runners: a job's way without a program. */
#include "services/runnerd/work/noop.h"

#include "libcommon/base/memory.h"
#include "libcommon/json/json_writer.h"
#include "services/runnerd/job/job_files.h"
#include "services/runnerd/job/job_internal.h"

#include <stdlib.h>
#include <string.h>

const char noop_point_cloud[] = "ply\n"
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

char *noop_input_event(const struct message_input *input)
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

char *noop_progress(size_t input_count)
{
    return memory_format("{\"stage\":\"inputs_materialized\",\"inputsCount\":%zu}", input_count);
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
        json_writer_key(&writer, "vertexCount");
        json_writer_int64(&writer, 0);
        break;
    case 3:
        write_outputs(&writer);
        break;
    case 4:
        json_writer_string_member(&writer, "status", "succeeded");
        break;
    default:
        json_writer_key(&writer, "scanCount");
        json_writer_int64(&writer, (int64_t)command->inputs.count);
        write_inputs(&writer, inputs, command->inputs.count);
        break;
    }
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}

bool noop_write_files(const struct message_host_command *command, const struct message_input *inputs,
                      noop_file_function *write, void *context)
{
    bool ok = true;
    for (size_t i = 0; ok && i < FILE_COUNT; i++) {
        bool is_cloud = strstr(file_paths[i], ".ply") != NULL;
        char *text = is_cloud ? memory_copy_text(noop_point_cloud) : file_json(i, command, inputs);
        ok = write(context, file_paths[i], text, strlen(text));
        free(text);
    }
    return ok;
}

/* --- the work --- */

struct writing {
    struct job *job;
    struct error error;
};

static bool write_output(void *context, const char *rel_path, const char *text, size_t length)
{
    struct writing *writing = context;
    char *path = memory_format(JOB_FILES_OUTPUTS "/%s", rel_path);
    bool ok = job_files_write(writing->job->workspace_fd, path, text, length, &writing->error);
    free(path);
    return ok;
}

static void on_woken(void *context)
{
    struct writing writing = {.job = context};
    struct job *job = context;
    if (noop_write_files(&job->command, job->inputs, write_output, &writing))
        job_on(job, JOB_EVENT_WORK_SUCCEEDED, NULL);
    else
        job_on(job, JOB_EVENT_WORK_FAILED, writing.error.text);
}

void noop_start(struct job *job)
{
    for (size_t i = 0; i < job->command.inputs.count; i++) {
        char *event = noop_input_event(&job->inputs[i]);
        job_reports_event(job->reports, event, strlen(event));
        free(event);
    }
    char *progress = noop_progress(job->command.inputs.count);
    job_reports_progress(job->reports, progress, strlen(progress));
    free(progress);
    loop_timer_init(&job->work_timer, job->host->loop, on_woken, job);
    loop_timer_start(&job->work_timer, job->host->noop_sleep_secs * 1000);
}

void noop_stop(struct job *job)
{
    loop_timer_stop(&job->work_timer);
    job_reports_drop(job->reports);
    job_on(job, JOB_EVENT_WORK_FAILED, NULL);
}

void noop_report_completed(struct job *job)
{
    static const char completed[] = "{\"stage\":\"completed\"}";
    job_reports_progress(job->reports, completed, strlen(completed));
}
