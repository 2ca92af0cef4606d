#include "services/leased/dms/report.h"

#include "libcommon/json/json_writer.h"

static void write_job(struct json_writer *writer, const struct lease *lease)
{
    json_writer_key(writer, "job");
    json_writer_open_object(writer);
    json_writer_string_member(writer, "task_id", lease->task_id);
    json_writer_string_member(writer, "job_id", lease->job_id);
    json_writer_string_member(writer, "domain_id", lease->domain_id);
    json_writer_string_member(writer, "capability", lease->capability);
    json_writer_close_object(writer);
}

static void write_artifacts(struct json_writer *writer, const struct message_artifacts *artifacts)
{
    const struct message_artifact *items = artifacts->artifacts.items;
    json_writer_key(writer, "artifacts");
    json_writer_open_array(writer);
    for (size_t i = 0; i < artifacts->artifacts.count; i++) {
        json_writer_open_object(writer);
        json_writer_string_member(writer, "logical_path", items[i].logical_path);
        json_writer_string_member(writer, "name", items[i].name);
        json_writer_string_member(writer, "data_type", items[i].data_type);
        json_writer_string_member(writer, "id", items[i].id);
        json_writer_close_object(writer);
    }
    json_writer_close_array(writer);
}

/* The object of that name says what the job was, and ends the report. */
static char *end_with_job(struct json_writer *writer, const char *name, const struct lease *lease,
                          const struct message_artifacts *artifacts)
{
    json_writer_key(writer, name);
    json_writer_open_object(writer);
    write_job(writer, lease);
    write_artifacts(writer, artifacts);
    json_writer_close_object(writer);
    json_writer_close_object(writer);
    return json_writer_take(writer);
}

char *report_compose_complete(const struct lease *lease, const struct message_artifacts *artifacts)
{
    struct json_writer writer = {0};
    const struct message_artifact *items = artifacts->artifacts.items;
    json_writer_open_object(&writer);
    json_writer_key(&writer, "output_cids");
    json_writer_open_array(&writer);
    for (size_t i = 0; i < artifacts->artifacts.count; i++)
        json_writer_string(&writer, items[i].id);
    json_writer_close_array(&writer);
    return end_with_job(&writer, "meta", lease, artifacts);
}

char *report_compose_fail(const struct lease *lease, const struct message_artifacts *artifacts,
                          const char *reason)
{
    struct json_writer writer = {0};
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "reason", reason);
    return end_with_job(&writer, "details", lease, artifacts);
}

char *report_compose_setup_fail(const char *stage, const char *text)
{
    struct json_writer writer = {0};
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "reason", REPORT_SETUP_REASON);
    json_writer_key(&writer, "details");
    json_writer_open_object(&writer);
    json_writer_string_member(&writer, "stage", stage);
    json_writer_string_member(&writer, "error", text);
    json_writer_close_object(&writer);
    json_writer_close_object(&writer);
    return json_writer_take(&writer);
}
